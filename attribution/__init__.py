"""The finance side: what verified receipts say about credits, costs and owners. Imports `verifier`, and nothing of the issuing side."""
