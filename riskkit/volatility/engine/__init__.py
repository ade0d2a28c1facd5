"""The compiled engine: likelihoods with analytic gradients, a constrained chord Newton, the walk.

Every module here imports numba and is loaded only when first used. Kernels have explicit
signatures, release the GIL, and are cached on disk. They work on scaled data, in the variables
``(mu, omega, alpha, gamma, beta, 1/nu, lambda)``.

After editing a kernel, delete this folder's ``__pycache__``: numba's cache on disk watches the
file of a function, not those of the functions it calls.
"""
