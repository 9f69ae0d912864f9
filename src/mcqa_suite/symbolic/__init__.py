"""Word problems from templates, in the language of GSM-Symbolic (arXiv 2410.05229): parsed, drawn under conditions, checked.

The interpreter is our own: simpleeval and asteval calculate in floats, report an unknown name only when it is evaluated, and use
getattr, so exact numbers, errors at load and the limits would have to be written on top of them.

template = Template.load("0012.json")
for instance in template.sample(50, seed=1):
    print(instance.question, instance.gold)
"""

from mcqa_suite.symbolic.local import VARIANTS, documents, examples, rows
from mcqa_suite.symbolic.template import Instance, Template, load_all
from mcqa_suite.symbolic.verify import calculations

__all__ = ["VARIANTS", "Instance", "Template", "calculations", "documents", "examples", "load_all", "rows"]
