"""How parts of kernels are compiled: into the kernel that calls them, and nowhere else.

numba makes of each function a library of its own: optimised, turned into machine code, wrapped for Python, and
optimised again inside each of its callers. A part that only kernels call needs none of that but the last. And of
numba's passes over a function, those that look for what no kernel has (closures, objects, literals to unroll) are
left out.
"""

from __future__ import annotations

from typing import Any, Final

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core import compiler, compiler_machinery, typed_passes, untyped_passes
from typing_extensions import override

__all__ = ["KernelCompiler", "PartCompiler"]

_make_function: Any = _dynfunc.make_function
_untyped: Any = untyped_passes
_typed: Any = typed_passes
_machinery: Any = compiler_machinery
_CompilerBase: Any = compiler.CompilerBase
_NativeLowering: Any = typed_passes.NativeLowering

_BEFORE: Final = (
    _untyped.TranslateByteCode,
    _untyped.FixupArgs,
    _untyped.IRProcessing,
    _untyped.RewriteSemanticConstants,
    _untyped.DeadBranchPrune,
    _untyped.ReconstructSSA,
    _typed.NopythonTypeInference,
    _typed.PreLowerStripPhis,
    _typed.IRLegalization,
    _typed.AnnotateTypes,
)


class KernelCompiler(_CompilerBase):  # type: ignore[misc]
    """numba's passes, without those that no kernel needs."""

    lowering: Any = _NativeLowering

    def define_pipelines(self) -> list[Any]:
        """Return the passes, as numba asks for them."""
        passes = _machinery.PassManager("kernel")
        for each in (*_BEFORE, self.lowering, _typed.NoPythonBackend):
            passes.add_pass(each, each.__name__)
        passes.finalize()
        return [passes]


@_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(_NativeLowering):  # type: ignore[misc]
    """Lowers a function to code that waits to be linked into its callers."""

    _name = "part_lowering"

    @override
    def run_pass(self, state: Any) -> bool:
        library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        state.library = library
        library._optimize_final_module = _nothing  # noqa: SLF001
        library._finalize_final_module = lambda: setattr(library, "_finalized", True)  # noqa: SLF001
        state.flags.no_compile = True
        state.flags.no_cpython_wrapper = True
        state.flags.no_cfunc_wrapper = True
        super().run_pass(state)
        result = state["cr"]
        name = state.func_id.func_qualname
        # What numba knows the part by. Its arguments are pointers and cannot come from Python: nobody calls this.
        known_by = _make_function(
            result.fndesc.lookup_module(), name, "part of a kernel", 0, result.env, (library,)
        )
        state.targetctx.insert_user_function(known_by, result.fndesc, [library])
        state["cr"] = result._replace(cfunc=known_by)
        return True


class PartCompiler(KernelCompiler):
    """For parts."""

    lowering: Any = _PartLowering


def _nothing() -> None:
    """Leave it to the callers."""
