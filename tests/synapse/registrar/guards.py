"""Places where Synapse insists on being a stream's writer: whoever comes there in another process answers 500.

Nothing but reading tells which requests lead to such a place, so a new one must be looked at by a person; it shows up
as a difference of the facts.
"""
import ast
import pathlib

import synapse

FOLDERS = ("handlers", "rest", "storage/databases/main")
SIGNS = ("_can_write", "_instance_name", "get_instance_name", "_writer", "_is_typing_writer")


def guards():
    """`file function: condition` of each, sorted."""
    home = pathlib.Path(synapse.__file__).parent
    files = (file for folder in FOLDERS for file in (home / folder).rglob("*.py"))
    return sorted({f"{file.relative_to(home)} {found}" for file in files for found in in_file(file)})


def in_file(file):
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                condition = insisted(node)
                if condition and any(sign in condition for sign in SIGNS):
                    yield f"{function.name}: {condition}"


def insisted(node):
    """What an `assert`, or an `if` that only raises, insists on."""
    if isinstance(node, ast.Assert):
        return ast.unparse(node.test)
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
        return f"not ({ast.unparse(node.test)})"
    return None
