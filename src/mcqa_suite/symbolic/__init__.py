"""Draw word problems from templates in the language of GSM-Symbolic (arXiv 2410.05229).

The interpreter is our own because simpleeval and asteval calculate in floats, find an unknown name only when it is evaluated,
and use getattr.

template = Template.load("0012.json")
for instance in template.sample(50, seed=1):
    print(instance.question, instance.gold)
"""

from mcqa_suite.symbolic.local import VARIANTS, documents, examples, rows
from mcqa_suite.symbolic.template import Instance, Template, load_all
from mcqa_suite.symbolic.verify import calculations

__all__ = ["VARIANTS", "Instance", "Template", "calculations", "documents", "examples", "load_all", "rows"]
