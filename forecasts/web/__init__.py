"""The pages: plain data from the ledger (`views`), rendered as HTML (`pages`), served over HTTP (`app`)."""
