"""Several at once: all come to their end, then the first failure is raised."""
import asyncio
import inspect


async def together(*parts):
    """Takes coroutines, or iterables of them or of tasks."""
    flat = [c for part in parts for c in ([part] if inspect.iscoroutine(part) else part)]
    results = await asyncio.gather(*flat, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
