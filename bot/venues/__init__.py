"""What both sides of a venue share, its broker and its market: hosts, the wire, spelling."""
