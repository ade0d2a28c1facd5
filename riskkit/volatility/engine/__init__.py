"""The compiled engine: likelihoods with analytic gradients, a constrained chord Newton, the walk.

Kernels are typed by their annotations (`riskkit.compiled`) and compiled when first used; a module
is loaded when first needed. They work on scaled data, in the variables
``(mu, omega, alpha, gamma, beta, 1/nu, lambda)``.

After editing a kernel, delete this folder's ``__pycache__``: numba's cache on disk watches the
file of a function, not those of the functions it calls.
"""
