"""Reports written down: as text, HTML, an astropy table, JUnit XML and JSON.

Each module takes the lines of a report (`gnomon.judgement.lines`) and knows no other.
"""
