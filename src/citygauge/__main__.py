"""`python -m citygauge` is the command line."""

from citygauge.cli.main import main

main()
