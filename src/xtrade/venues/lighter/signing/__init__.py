"""Signatures as Lighter wants them: Schnorr's, on a curve of its own kind, over a hash made for proofs.

compiled     how a plain function of this room becomes a compiled one
goldilocks   numbers below the prime 2^64 - 2^32 + 1
quintic      five of them as one number: the field that the curve is drawn in
curve        the group ecGFp5: points, and sums of multiples of them
poseidon     the hash Poseidon2
schnorr      keys and signatures: what the rest of the house calls
"""
