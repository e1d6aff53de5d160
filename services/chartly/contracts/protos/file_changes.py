"""What changed in files themselves: their packages, syntax and options."""

from __future__ import annotations

from collections.abc import Iterator

from chartly.contracts.protos.advice import finding
from chartly.contracts.protos.model import ProtoModel
from chartly.contracts.report import Finding, Layer
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileOptions

_OPTIONS = {
    "cc_enable_arenas": "FILE_SAME_CC_ENABLE_ARENAS",
    "cc_generic_services": "FILE_SAME_CC_GENERIC_SERVICES",
    "csharp_namespace": "FILE_SAME_CSHARP_NAMESPACE",
    "go_package": "FILE_SAME_GO_PACKAGE",
    "java_generic_services": "FILE_SAME_JAVA_GENERIC_SERVICES",
    "java_multiple_files": "FILE_SAME_JAVA_MULTIPLE_FILES",
    "java_outer_classname": "FILE_SAME_JAVA_OUTER_CLASSNAME",
    "java_package": "FILE_SAME_JAVA_PACKAGE",
    "objc_class_prefix": "FILE_SAME_OBJC_CLASS_PREFIX",
    "optimize_for": "FILE_SAME_OPTIMIZE_FOR",
    "php_class_prefix": "FILE_SAME_PHP_CLASS_PREFIX",
    "php_metadata_namespace": "FILE_SAME_PHP_METADATA_NAMESPACE",
    "php_namespace": "FILE_SAME_PHP_NAMESPACE",
    "py_generic_services": "FILE_SAME_PY_GENERIC_SERVICES",
    "ruby_package": "FILE_SAME_RUBY_PACKAGE",
    "swift_prefix": "FILE_SAME_SWIFT_PREFIX",
}


def file_changes(old: ProtoModel, new: ProtoModel) -> Iterator[Finding]:
    """Yield what changed; the types that a file defines are not its own."""
    for path, file in old.files.items():
        if other := new.files.get(path):
            yield from _changes(file, other)
        else:
            yield finding("FILE_NO_DELETE", path, f"file {path} is gone", Layer.SOURCE, backward=True)


def _changes(old: FileDescriptorProto, new: FileDescriptorProto) -> Iterator[Finding]:
    if old.package != new.package:
        text = f"package {old.package or 'none'} -> {new.package or 'none'}"
        for layer in (Layer.WIRE, Layer.JSON, Layer.SOURCE):
            forward = layer is not Layer.SOURCE
            yield finding("FILE_SAME_PACKAGE", old.name, text, layer, backward=True, forward=forward)
    if _syntax(old) != _syntax(new):
        text = f"{_syntax(old)} -> {_syntax(new)}"
        yield finding("FILE_SAME_SYNTAX", old.name, text, Layer.SOURCE, backward=True)
    for option, rule in _OPTIONS.items():
        was, now = (_option(file.options, option) for file in (old, new))
        if was != now:
            yield finding(rule, old.name, f"{option} {was!r} -> {now!r}", Layer.SOURCE, backward=True)


def _syntax(file: FileDescriptorProto) -> str:
    return f"edition {file.edition}" if file.syntax == "editions" else file.syntax or "proto2"


def _option(options: FileOptions, name: str) -> object:
    return getattr(options, name)
