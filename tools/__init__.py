"""Programs a developer runs through make: reports and checks about the project itself."""
