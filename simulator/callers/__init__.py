"""What the vendor sends out by itself: webhook calls and flow-step invocations of smart campaigns."""
