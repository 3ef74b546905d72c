/*
 * orphans: the journal is lost in a running boot, its agent begins another, and adopts what the grid still has.
 *
 * Faults: the journal is lost; creates, labels, deletions and repairs commit late, also those of before; a container ID
 * comes back with another namespace; a twin of the agent runs in another container of the same kernel.
 * Addresses are left out: what counts is that the grid keeps an object for each id that a pod uses.
 *
 * run ids:      -DIDS=3 -DPODS=2 -DLOSSES=1 -DAGAIN=0
 * run pods:     -DIDS=2 -DPODS=3 -DLOSSES=1 -DAGAIN=1
 * run twice:    -DIDS=2 -DPODS=3 -DLOSSES=2 -DAGAIN=0
 * run del:      -DIDS=2 -DPODS=3 -DLOSSES=1 -DAGAIN=1 -DDEL_ALONE
 * run twin:     -DIDS=2 -DPODS=2 -DLOSSES=1 -DAGAIN=0 -DTWIN
 * quick:        -DIDS=2 -DPODS=2 -DLOSSES=1 -DAGAIN=0
 *
 * mutant OTHERS_LABEL:      backed          what one ADD asked for is given to another with its label
 * mutant DISOWN_OTHERS:     backed          an id of another journal is disowned
 * mutant DISOWN_ADOPTED:    backed          an id that was adopted is disowned
 * mutant RESERVE_IS_FREE:   backed          what is adopted without a pod's label is let go
 * mutant ADOPTED_IS_READY:  backed          an ADD takes what is adopted without a pod's label
 * mutant LABEL_BY_NAME:     backed          an adopted id is judged by its container ID, without the namespace
 * mutant GONE_FORGETS:      nothing_behind  an adopted id that was let go is forgotten when it is gone
 * mutant UNKNOWN_DELS:      nothing_behind  of the DELs only those of unknown attachments are remembered
 * mutant DROPPED_ORPHANS:   nothing_behind  orphans are told after the hello alone, not when a comparison finds one
 * mutant TWIN_BELIEVED:     backed          an adopted id is let go while the journal that drew it is heard
 */
#define NIL 0

/* The grid: whether it has an object with this id, and the pod that its label names, plus one; NIL is `reserve`. */
bool at[3];
byte labelled[3];
bool creating[3], deleting[3], repairing[3], labelling[3];    /* on their way */

/* Journals 0, 1, 2 of one boot, one after the other. An id is a row of the journal that drew it. */
#define UNDRAWN 0
#define ASKED 1
#define READY 2
#define HELD 3
#define LET_GO 4
#define OVER 5                /* whoever asks is told *disowned* */
#define LOST 6                /* the journal that drew it is gone: nobody disowns it */
byte row[3];
byte drawer[3];
byte holder[3];               /* the pod that the id was asked for or given to, plus one */
byte journal;                 /* the youngest */

/* What the youngest journal has adopted. */
#define ADOPTED 1
#define PASSED 2              /* let go; remembered as long as the journal lives */
byte adopted[3];
byte known[3];                /* the label that it was adopted with */
bool ended[2];                /* DELs that the youngest journal remembers, by container ID */
#ifdef DROPPED_ORPHANS
bool told_all;
#else
#define told_all false
#endif
#ifdef TWIN
#define HEARD(j) (j < journal)  /* the older agent runs on, in another container */
#else
#define HEARD(j) false
#endif

/* Pods 0, 1, 2 and their namespaces. Pod 2 has the container ID of pod 0, which has ended. */
#define UNBORN 0
#define ALIVE 1
#define DEAD 2
byte pod[3];
bool waiting[3];
#ifdef DEL_ALONE
byte taken[3];                /* the journal that took the pod's DEL */
#endif
byte user[3];                 /* the pod that was told this id's address and is alive, plus one */
byte losses, again;
bool quiet;                   /* no fault comes any more, and no pod comes or goes */
bool finished[3];             /* its journal, or the youngest, has let it go */

#define NAME(p) ((p) % 2)
#define MINE(x) (drawer[x] == journal)
#ifdef TWIN
#define SERVES(j, p) (j == ((p) != 0))  /* each agent has pods of its own */
#else
#define SERVES(j, p) (j == journal)
#endif
#define HOLDS(x, p) (row[x] == HELD && holder[x] == (p) + 1)
#define HAS(p) (HOLDS(0, p) || HOLDS(1, p) || HOLDS(2, p))
#define ASKS(x, p) (row[x] == ASKED && holder[x] == (p) + 1)
#define AWAITED(p) (ASKS(0, p) || ASKS(1, p) || ASKS(2, p))
#define IS_READY(x) (row[x] == READY && MINE(x))
#define ANY_READY (IS_READY(0) || IS_READY(1) || IS_READY(2))
#define REFILLS (row[0] == ASKED && !holder[0] || row[1] == ASKED && !holder[1] || row[2] == ASKED && !holder[2])
#define NEXT(x) (row[x] == UNDRAWN && (x == 0 || row[x - (x > 0)] != UNDRAWN))
#define OWN(x) (row[x] == READY || row[x] == HELD)
#define CLAIMED(x) (OWN(x) || adopted[x] == ADOPTED)
#define LABELS(x, p) (adopted[x] == ADOPTED && known[x] == (p) + 1)

hidden byte one_holder, backed, nothing_behind;

/* The grid carries out what was sent, whenever it likes. Deleted is by the id; a repair bears it, and no label yet. */
proctype Grid(byte x) {
end: do
  :: d_step { creating[x] -> creating[x] = false; at[x] = true; labelled[x] = holder[x] }
  :: d_step { repairing[x] -> repairing[x] = false; at[x] = true }
  :: d_step { deleting[x] -> deleting[x] = false; at[x] = false; labelled[x] = NIL }
  :: d_step { labelling[x] && at[x] && labelled[x] != holder[x] -> labelled[x] = holder[x] }
  od
}

/* What the coordinator compares. */
proctype Coordinator(byte x) {
end: do
     /* *whose*, of ids of the session's own journal alone, or a let_go: its answer holds for ever. */
  :: d_step { at[x] && !deleting[x] && (row[x] == OVER || row[x] == LET_GO) -> deleting[x] = true }
#ifdef DISOWN_OTHERS
  :: d_step { at[x] && !deleting[x] && row[x] == LOST && !adopted[x] -> deleting[x] = true }
#endif
#ifdef DISOWN_ADOPTED
  :: d_step { at[x] && !deleting[x] && row[x] == LOST && adopted[x] == ADOPTED -> deleting[x] = true }
#endif
     /* An adopted id is let go. It is deleted once the journal that drew it has not been heard for a minute. */
#ifdef TWIN_BELIEVED
  :: d_step { at[x] && !deleting[x] && adopted[x] == PASSED -> deleting[x] = true }
#else
  :: d_step { at[x] && !deleting[x] && adopted[x] == PASSED && !HEARD(drawer[x]) -> deleting[x] = true }
#endif
     /* *orphans*: read from the grid after the hello; also what commits later. */
  :: d_step { at[x] && row[x] != UNDRAWN && !MINE(x) && !adopted[x] && !told_all ->
       known[x] = labelled[x];
       if
       :: known[x] && ended[NAME(known[x] - 1)] -> adopted[x] = PASSED; finished[x] = true
       :: else -> adopted[x] = ADOPTED
       fi }
     /* A claim that the grid lacks, because a let_go of before is carried out only now: repaired. */
  :: d_step { CLAIMED(x) && !at[x] && !creating[x] && !repairing[x] -> repairing[x] = true }
     /* Its label is asked for again, and told by the journal that knows it. */
  :: d_step { adopted[x] == ADOPTED && known[x] && at[x] && !labelled[x] -> labelled[x] = known[x] }
  od
}

/* What the agents do about an id. Connections and crashes that keep the journal are the model ask's. */
proctype Id(byte x) {
end: do
  :: atomic { NEXT(x) && !ANY_READY && !REFILLS && pod[PODS - 1] == UNBORN -> holder[x] = NIL; goto ask }
  :: atomic { NEXT(x) && waiting[0] && !ANY_READY && !HAS(0) && !AWAITED(0) -> holder[x] = 1; goto ask }
  :: atomic { NEXT(x) && waiting[1] && !ANY_READY && !HAS(1) && !AWAITED(1) -> holder[x] = 2; goto ask }
  :: atomic { NEXT(x) && waiting[2] && !ANY_READY && !HAS(2) && !AWAITED(2) -> holder[x] = 3;
ask:   row[x] = ASKED; drawer[x] = journal; creating[x] = true }
     /* *allocated*. */
  :: d_step { row[x] == ASKED && at[x] ->
       if
       :: !holder[x] -> row[x] = READY
       :: holder[x] && waiting[holder[x] - 1] -> row[x] = HELD
       :: else -> row[x] = LET_GO
       fi }
     /* *unknown*, or an ask that its ADD abandoned: the create may still commit. */
  :: d_step { row[x] == ASKED && creating[x] -> row[x] = OVER }
     /* From the reserve: no label yet. */
  :: d_step { IS_READY(x) && waiting[0] && !HAS(0) && !AWAITED(0) -> row[x] = HELD; holder[x] = 1 }
  :: d_step { IS_READY(x) && waiting[1] && !HAS(1) && !AWAITED(1) -> row[x] = HELD; holder[x] = 2 }
  :: d_step { IS_READY(x) && waiting[2] && !HAS(2) && !AWAITED(2) -> row[x] = HELD; holder[x] = 3 }
#ifdef ADOPTED_IS_READY
  :: d_step { adopted[x] == ADOPTED && !known[x] && waiting[1] && !HAS(1) -> user[x] = 2; waiting[1] = false }
#endif
  :: d_step { row[x] == HELD && at[x] && labelled[x] != holder[x] && !labelling[x] -> labelling[x] = true }
     /* Surplus, and a namespace that vanished. */
  :: d_step { IS_READY(x) && pod[PODS - 1] != UNBORN -> row[x] = LET_GO }
  :: d_step { row[x] == HELD && pod[holder[x] - 1] == DEAD -> row[x] = LET_GO }
     /* An adopted id: its label's namespace vanished. One without a namespace waits for the end of the boot. */
#ifndef DEL_ALONE
  :: d_step { adopted[x] == ADOPTED && known[x] && pod[known[x] - 1] == DEAD -> adopted[x] = PASSED; finished[x] = true }
#endif
#ifdef TWIN
     /* The twin sees no namespace of the other container. */
  :: d_step { adopted[x] == ADOPTED && known[x] -> adopted[x] = PASSED }
#endif
#ifdef RESERVE_IS_FREE
  :: d_step { adopted[x] == ADOPTED && !known[x] -> adopted[x] = PASSED; finished[x] = true }
#endif
#ifdef LABEL_BY_NAME
  :: d_step { adopted[x] == ADOPTED && known[x] && pod[NAME(known[x] - 1)] == DEAD -> adopted[x] = PASSED }
#endif
#ifdef GONE_FORGETS
  :: d_step { adopted[x] == PASSED && !at[x] && !deleting[x] -> adopted[x] = NIL }
#endif
  od
}

/* A pod: one namespace, from its ADD to its end. */
proctype Pod(byte p) {
  byte x;
  bool unknown;
end: do
  :: d_step { !quiet && pod[p] == UNBORN && (p != 2 || pod[0] == DEAD) -> pod[p] = ALIVE; waiting[p] = true }
     /* ADD again, in the same namespace: an adopted id does not answer it. */
  :: d_step { !quiet && pod[p] == ALIVE && !waiting[p] && !HAS(p) && again < AGAIN -> again++; waiting[p] = true }
     /* The answer, from the journal. */
  :: d_step { waiting[p] && HAS(p) -> waiting[p] = false;
       for (x : 0 .. 2) {
         if :: HOLDS(x, p) -> one_holder = !user[x] || user[x] == p + 1; assert(one_holder); user[x] = p + 1 :: else fi }
       x = 0 }
     /* The plugin dies: what it asked for is let go. */
  :: d_step { !quiet && waiting[p] -> waiting[p] = false;
       for (x : 0 .. 2) {
         if
         :: HOLDS(x, p) && !user[x] -> row[x] = LET_GO
#ifdef OTHERS_LABEL
         :: ASKS(x, p) && at[x] -> row[x] = READY
#else
         :: ASKS(x, p) -> row[x] = OVER
#endif
         :: else
         fi }
       x = 0 }
     /* DEL. It works on what is held, on what is adopted with that container ID, and is remembered for what is not yet. */
  :: d_step { !quiet && pod[p] == ALIVE -> pod[p] = DEAD; waiting[p] = false; unknown = true;
       for (x : 0 .. 2) {
         user[x] = (user[x] == p + 1 -> NIL : user[x]);
         if :: HOLDS(x, p) && row[x] != LOST -> row[x] = LET_GO; unknown = false
            :: ASKS(x, p) -> row[x] = OVER; unknown = false
            :: else fi;
         if :: adopted[x] == ADOPTED && known[x] && NAME(known[x] - 1) == NAME(p) && SERVES(journal, p) ->
                 adopted[x] = PASSED; finished[x] = true; unknown = false
            :: else fi }
#ifdef DEL_ALONE
       taken[p] = journal;
#endif
#ifdef UNKNOWN_DELS
       ended[NAME(p)] = ended[NAME(p)] || unknown;
#else
       ended[NAME(p)] = true;
#endif
       unknown = false; x = 0 }
     /* The namespace goes without a DEL. */
#ifndef DEL_ALONE
  :: d_step { !quiet && pod[p] == ALIVE -> pod[p] = DEAD; waiting[p] = false;
       for (x : 0 .. 2) { user[x] = (user[x] == p + 1 -> NIL : user[x]) }
       x = 0 }
#endif
  od
}

/* The journal is lost, and another begun. Or, as a twin, begun beside it. */
proctype Loss() {
  byte x;
end: do
  :: d_step { !quiet && losses < LOSSES -> losses++; journal++;
#ifndef TWIN
       for (x : 0 .. 2) {
         row[x] = (row[x] == UNDRAWN -> UNDRAWN : LOST);
         adopted[x] = NIL; known[x] = NIL; finished[x] = false }
       ended[0] = false; ended[1] = false;
       waiting[0] = false; waiting[1] = false; waiting[2] = false;
#endif
       x = 0 }
#ifdef DROPPED_ORPHANS
  :: d_step { losses && !told_all -> told_all = true }
#endif
  od
}

#define BACKED(x) (!user[x] || at[x])
#ifdef DEL_ALONE
#define AWAITS_DEL(p) (pod[p] == ALIVE || taken[p] != journal)  /* a DEL that another journal took comes no more */
#else
#define AWAITS_DEL(p) (pod[p] == ALIVE)
#endif
#define KEPT(x) (OWN(x) || (adopted[x] == ADOPTED && (!known[x] || AWAITS_DEL(known[x] - 1))))
#define SAME(x) (at[x] == KEPT(x) && !(at[x] && finished[x]))

/* It can move only when a property is broken. */
active proctype Properties() {
end: do
     /* The grid has an object for each id that a live pod uses. */
  :: d_step { !BACKED(0) || !BACKED(1) || !BACKED(2) -> backed = false; assert(backed) }
     /* At rest: the grid's objects are what the youngest journal has drawn and claims, or adopted for a pod that lives,
        or adopted without knowing for whom; and what it let go does not come back. */
#ifndef TWIN
  :: timeout && !(SAME(0) && SAME(1) && SAME(2)) -> nothing_behind = false; assert(nothing_behind)
#endif
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. IDS - 1) { run Grid(i); run Id(i); run Coordinator(i) }
    run Pod(0); run Pod(1); run Loss();
    if :: PODS > 2 -> run Pod(2) :: else fi; i = 0
  }
  quiet = true
}
