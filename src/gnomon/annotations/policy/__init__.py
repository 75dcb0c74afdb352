"""Who wins: which of many assertions about one flag at one target holds.

A *policy* is a readable file with a name and a version (``standard-1.yaml`` ships with the package); what it
may say is which persons' word stands over other persons', whether programs count where no person spoke, and
which versions of a flag no longer do. The order of the rules is the same in every policy:

0. **inactive**: what the policy no longer counts, and only programs' words can be that, decides nothing.
1. **authority**: if persons spoke, only those decide whose word the policy places highest.
2. **human over bot**: if a person said anything, only what persons said decides. Bots and pipelines are one
   class below, and no authority raises them. A bot that contradicts the person's word, and that the person
   had not seen, is a *challenge*: it is shown and changes nothing. One that the person had seen, and
   contradicted, is simply *overruled*.
3. **later**: within a class, an assertion whose author had seen another replaces it. Seen means causally: the
   events recorded as parents, and theirs in turn, never the time of a clock.
4. **worse**: assertions of the same class that nobody saw and replaced stand side by side. Where they
   disagree, the worse one holds for processing, since wrongly used data cost more than unused ones. If they
   are persons' this is a *conflict*, which is shown until a person who has seen both decides. Bots that
   disagree make no conflict: a person's word, or their next run, settles it anyway.

*Worse* depends on what the vocabulary says that *set* means. Where it means bad, or asks for attention, it is
*set* before *clear* before *examined*; only *set* against either of the others is a disagreement, since both
say that the data may be used. Where *set* means good, it is *clear* before *examined* before *set*.

Causal order is decided among the events that ever asserted the same flag of the same target, retracted and
edited-away ones included, so that an answer depends on nothing else that happens to be in the log.
"""

from gnomon.annotations.policy.files import STANDARD, Policy, find, load_policy, parse_policy, shipped
from gnomon.annotations.policy.precedence import heads, resolve, seen

__all__ = ["STANDARD", "Policy", "find", "heads", "load_policy", "parse_policy", "resolve", "seen", "shipped"]
