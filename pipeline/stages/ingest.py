"""Read and check."""
from pipeline.stages.context import StageContext


def run(context: StageContext) -> None:
    """Run."""
    import pandas as pd
    for n in context.spec.outputs:
        context.put(n, pd.DataFrame({"a": [1]}))
