"""What the product does, one verb per module: gather through ports, ask the domain, apply."""
