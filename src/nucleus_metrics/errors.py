"""The one error of the kernels.

ValueError
└── KernelInputError
"""


class KernelInputError(ValueError):
    """An argument is not what the kernel is defined on; says which, what was expected and what was got."""
