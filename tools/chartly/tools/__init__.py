"""What contributors run to work on Chartly itself."""
