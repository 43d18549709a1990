"""What must hold when something dies, hangs, lies or comes twice."""
