"""One folder per Lambda function: event in, one use-case, result out."""
