"""`python -m chartly.cli`, the same as `chartly`."""

from chartly.cli.main import main

if __name__ == "__main__":
    main()
