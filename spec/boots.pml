/*
 * boots: whose objects may go because a boot is over: rule B, `node replace`, `adopt`.
 *
 * Faults: the node reboots; its disk and keys run on another machine too; it is cut off for more than a minute; the
 * coordinator restarts; another coordinator serves the node meanwhile; what a dead boot left in a queue arrives;
 * creates, deletions and `adopt` commit late; answers to probes come late.
 * Boots 0 and 1 are the node's machine before and after its reboot, boot 2 is the clone's. Journals are not lost here.
 *
 * run reboot:   -DIDS=2 -DREBOOT -DRESTARTS=1 -DAWAY=1
 * run clone:    -DIDS=2 -DCLONE -DRESTARTS=1 -DAWAY=1
 * run both:     -DIDS=1 -DREBOOT -DCLONE -DRESTARTS=0 -DAWAY=0
 * run number:   -DIDS=2 -DCLONE -DSAME_NUMBER -DRESTARTS=0 -DAWAY=1
 * run adopt:    -DIDS=1 -DREBOOT -DADOPT -DRESTARTS=1 -DAWAY=1
 * quick:        -DIDS=1 -DREBOOT -DRESTARTS=1 -DAWAY=0
 *
 * mutant NO_SILENCE:         backed          a boot is over although it was heard within the minute
 * mutant NO_MACHINE:         backed          a boot is over because an agent of another machine has answered
 * mutant NO_ALARM:           backed          rule B goes on while `two_machines` is open
 * mutant NO_PROBE:           backed          an open session proves that its boot runs
 * mutant NO_SIGHT:           backed          the minute and the probe may precede the first sight of the boot
 * mutant NO_ANSWER:          backed          `node replace` believes a session that does not answer
 * mutant ADOPT_NO_ANSWER:    backed          `adopt` believes a session that does not answer
 * mutant OTHER_BOOT_DISOWNS: backed          a session is asked about ids of another boot of its node
 * mutant NEVER_OVER:         nothing_behind  no boot is ever over
 */
#define NIL 0

/* The world: boots, and which coordinator their agent speaks to. */
#define UNBORN 0
#define RUNS 1
#define ENDED 2
byte boot[3];
#define NOBODY 0
#define OURS 1                /* the coordinator of this model, which sweeps */
#define OTHER 2               /* another one: it serves */
byte link[3];
byte reboots, clones, restarts, away;
bool quiet;                   /* no fault comes any more, and no pod comes or goes */
#ifdef SAME_NUMBER
#define MACHINE(b) 0          /* the clone was given the machine's number, too */
#else
#define MACHINE(b) ((b) == 2)
#endif
#define SPEAKS(b) (boot[b] == RUNS && link[b] == OURS)

/* Ids, of the boot whose journal drew them. What is held is used by a pod for as long as the boot runs. */
#define UNDRAWN 0
#define ASKED 1
#define HELD 2
#define OVER 3
byte row[3];
byte drawer[3];
bool at[3], creating[3], deleting[3];

/* The coordinator: what it has heard and seen since its start. */
bool session[3];              /* open, as it believes */
bool known[3];                /* this boot was heard, or an object of it was read */
bool silent[3];               /* nobody of this boot was heard for a minute */
bool over[3];
bool overtaken[3];            /* another boot's hello came after it was heard */
byte heard_again[3];
bool two_machines;
/* The probe under way: to whose agent, plus one; which boots end with its answer; why it was sent. */
byte probed;
bool answered;
bool ends[3];
bool replaces, adopts;
bool replaced;                /* `node replace` is said once */
byte left[3];                 /* the dead boot's last message: 1 in a queue, 2 arrived */

#ifdef ADOPT
/* An object of the original, without an id: the boot whose pod uses it, plus one. */
byte original, original_user;
bool original_read, adopting;
byte adopted_in;              /* the boot that `adopt` wrote into its id, plus one */
#endif

#define HEAR(b) silent[b] = false; known[b] = true; session[b] = true;\
  heard_again[b] = (overtaken[b] && heard_again[b] < 2 -> heard_again[b] + 1 : heard_again[b]);\
  two_machines = two_machines || heard_again[b] == 2
#define HELLO(b) HEAR(b); overtaken[(b + 1) % 3] = known[(b + 1) % 3]; overtaken[(b + 2) % 3] = known[(b + 2) % 3]
#define NEXT(x) (row[x] == UNDRAWN && (x == 0 || row[x - (x > 0)] != UNDRAWN))
#define DRAWN_BY(x, b) (row[x] != UNDRAWN && drawer[x] == b)

/* An agent: its connection, its asks, its pods. */
proctype Agent(byte b) {
  byte x;
end: do
  :: d_step { boot[b] == RUNS && link[b] == NOBODY -> link[b] = OURS; HELLO(b) }
  :: d_step { boot[b] == RUNS && link[b] == NOBODY && restarts + away + reboots -> link[b] = OTHER }
  :: d_step { boot[b] == RUNS && link[b] == OTHER -> link[b] = OURS; HELLO(b) }
     /* It is heard as long as it is connected. */
  :: d_step { SPEAKS(b) && (silent[b] || !session[b] || (overtaken[b] && heard_again[b] < 2)) -> HEAR(b) }
     /* Cut off. With the clone under the same number only once that is known: who heard one of two alone is deceived. */
#ifdef SAME_NUMBER
  :: d_step { !quiet && boot[b] == RUNS && link[b] && away < AWAY && two_machines -> away++; link[b] = NOBODY;
#else
  :: d_step { !quiet && boot[b] == RUNS && link[b] && away < AWAY -> away++; link[b] = NOBODY;
#endif
       for (x : 0 .. 2) { if :: DRAWN_BY(x, b) && row[x] == ASKED -> row[x] = OVER :: else fi }
       x = 0 }
     /* A dead boot's last message. */
  :: d_step { boot[b] == ENDED && left[b] == 1 -> left[b] = 2; HEAR(b) }
     /* The probe reaches the agent that runs, and its answer may stay long on the way. */
  :: d_step { probed == b + 1 && !answered && SPEAKS(b) -> answered = true }
  od
}

proctype Id(byte x) {
end: do
  :: d_step { NEXT(x) && boot[0] == RUNS && link[0] -> row[x] = ASKED; drawer[x] = 0; creating[x] = true }
  :: d_step { NEXT(x) && boot[1] == RUNS && link[1] -> row[x] = ASKED; drawer[x] = 1; creating[x] = true }
  :: d_step { NEXT(x) && boot[2] == RUNS && link[2] -> row[x] = ASKED; drawer[x] = 2; creating[x] = true }
  :: d_step { creating[x] -> creating[x] = false; at[x] = true }
  :: d_step { row[x] == ASKED && at[x] && boot[drawer[x]] == RUNS && link[drawer[x]] -> row[x] = HELD }
     /* *unknown*; and the pod's end. */
  :: d_step { row[x] == ASKED && creating[x] && boot[drawer[x]] == RUNS && link[drawer[x]] -> row[x] = OVER }
  :: d_step { !quiet && row[x] == HELD && boot[drawer[x]] == RUNS -> row[x] = OVER }
     /* *whose* and let_go, to and from the boot that drew it; any coordinator. */
  :: d_step { at[x] && !deleting[x] && row[x] == OVER && boot[drawer[x]] == RUNS && link[drawer[x]] -> deleting[x] = true }
#ifdef OTHER_BOOT_DISOWNS
  :: d_step { at[x] && !deleting[x] && boot[2] == RUNS && link[2] && drawer[x] != 2 -> deleting[x] = true }
#endif
     /* The boot is over. */
  :: d_step { row[x] != UNDRAWN && at[x] && !deleting[x] && over[drawer[x]] -> deleting[x] = true }
  :: d_step { deleting[x] -> deleting[x] = false; at[x] = false }
     /* The listing. */
  :: d_step { at[x] && !known[drawer[x]] -> known[drawer[x]] = true }
  od
}

#ifdef NO_SIGHT
#define SEEN(b) true
#else
#define SEEN(b) known[b]
#endif
#ifdef NO_SILENCE
#define QUIET(b) true
#else
#define QUIET(b) silent[b]
#endif
#ifdef NO_MACHINE
#define OF_ONE_MACHINE(b, other) true
#else
#define OF_ONE_MACHINE(b, other) (MACHINE(b) == MACHINE(other))
#endif
#ifdef NO_ALARM
#define ALARM false
#else
#define ALARM two_machines
#endif
#ifdef NEVER_OVER
#define CANDIDATE(b, by) false
#else
#define CANDIDATE(b, by) (b != by && SEEN(b) && QUIET(b) && OF_ONE_MACHINE(b, by) && !over[b])
#endif
#define LEFT_SOMETHING(b) ((DRAWN_BY(0, b) && at[0]) || (DRAWN_BY(1, b) && at[1]) || (DRAWN_BY(2, b) && at[2]))
#define ONLY(b) (session[b] && !known[(b + 1) % 3] && !known[(b + 2) % 3])
#define FORGET_PROBE probed = NIL; answered = false; ends[0] = false; ends[1] = false; ends[2] = false;\
  replaces = false; adopts = false

/* Rule B, of boots that `by` may end. */
proctype RuleB(byte by) {
  byte b;
end: do
     /* Sent after the minute, to an agent of another boot of the same machine. Only what is a candidate now may end. */
  :: d_step { !probed && session[by] && !ALARM &&
              (CANDIDATE(0, by) || CANDIDATE(1, by) || CANDIDATE(2, by)) ->
       for (b : 0 .. 2) { ends[b] = CANDIDATE(b, by) }
       probed = by + 1; b = 0;
#ifdef NO_PROBE
       answered = true
#endif
     }
     /* `node replace`, by a person who knows that one machine runs: all other boots that are known end. */
  :: d_step { !probed && !replaced && session[by] && !session[(by + 1) % 3] && !session[(by + 2) % 3] && !two_machines &&
              (boot[0] == RUNS) + (boot[1] == RUNS) + (boot[2] == RUNS) == 1 ->
       for (b : 0 .. 2) { ends[b] = known[b] && b != by }
       replaced = true; replaces = true; probed = by + 1; b = 0;
#ifdef NO_ANSWER
       answered = true
#endif
     }
#ifdef ADOPT
     /* `adopt`: of what was read before the probe; no other boot of the node was heard. */
  :: d_step { !probed && original_read && original && !adopting && !adopted_in && ONLY(by) ->
       adopts = true; probed = by + 1;
#ifdef ADOPT_NO_ANSWER
       answered = true
#endif
     }
  :: d_step { probed == by + 1 && answered && adopts -> adopting = ONLY(by); adopted_in = (ONLY(by) -> by + 1 : NIL);
       FORGET_PROBE }
#endif
     /* The answer: who was heard in between is not over. */
  :: d_step { probed == by + 1 && answered && !adopts ->
       for (b : 0 .. 2) { over[b] = over[b] || (ends[b] && (replaces || (QUIET(b) && !ALARM))) }
       b = 0; FORGET_PROBE }
     /* A session whose peer is gone ends; so does its probe. */
  :: d_step { session[by] && !SPEAKS(by) -> session[by] = false;
       if :: probed == by + 1 && !answered -> FORGET_PROBE :: else fi }
  od
}

#ifdef ADOPT
proctype Original() {
end: do
     /* The original's plugin starts a pod, in whichever boot runs. */
  :: d_step { !original && !adopting && !adopted_in && boot[0] == RUNS -> original = 1; original_user = 1 }
  :: d_step { !original && !adopting && !adopted_in && boot[1] == RUNS -> original = 2; original_user = 2 }
  :: d_step { original && !original_read && !adopted_in -> original_read = true }
     /* Written by its old identity, late perhaps. From now on it bears an id of JOURNAL 00000000, which nobody disowns. */
  :: d_step { adopting -> adopting = false }
     /* Handed to the agent of its boot as an orphan, it goes with its pod; or when its boot is over. */
  :: d_step { original && !adopting && adopted_in && !original_user && boot[adopted_in - 1] == RUNS && link[adopted_in - 1] ->
       original = NIL }
  :: d_step { original && !adopting && adopted_in && over[adopted_in - 1] -> original = NIL }
  :: d_step { original && !adopting && adopted_in && !known[adopted_in - 1] -> known[adopted_in - 1] = true }
     /* Its pod ends. */
  :: d_step { !quiet && original_user -> original_user = NIL }
  od
}
#endif

proctype World() {
  byte b;
end: do
#ifdef REBOOT
  :: d_step { !quiet && boot[0] == RUNS -> boot[0] = ENDED; left[0] = (link[0] == OURS -> 1 : 0); link[0] = NOBODY; reboots++;
#ifdef ADOPT
       original_user = (original_user == 1 -> NIL : original_user)
#endif
     }
  :: d_step { boot[0] == ENDED && boot[1] == UNBORN -> boot[1] = RUNS }
#endif
#ifdef CLONE
  :: d_step { !quiet && boot[2] == UNBORN -> boot[2] = RUNS }
  :: d_step { !quiet && boot[2] == RUNS && !clones -> clones++; boot[2] = ENDED; left[2] = (link[2] == OURS -> 1 : 0); link[2] = NOBODY }
#endif
     /* A minute passes: whoever speaks is heard in it. */
  :: d_step { (SEEN(0) && !silent[0] && !SPEAKS(0)) || (SEEN(1) && !silent[1] && !SPEAKS(1)) ||
              (SEEN(2) && !silent[2] && !SPEAKS(2)) ->
       for (b : 0 .. 2) { silent[b] = (silent[b] || (SEEN(b) && !SPEAKS(b))) }
       b = 0 }
     /* The coordinator restarts, and remembers nothing. */
  :: d_step { !quiet && restarts < RESTARTS -> restarts++;
       for (b : 0 .. 2) {
         session[b] = false; known[b] = false; silent[b] = false; over[b] = false; overtaken[b] = false;
         heard_again[b] = 0; link[b] = (link[b] == OURS -> NOBODY : link[b]) }
       for (b : 0 .. 2) { if :: row[b] == ASKED && link[drawer[b]] == NOBODY -> row[b] = OVER :: else fi }
       two_machines = false; b = 0; FORGET_PROBE }
  od
}

hidden byte backed, nothing_behind;
#define USED(x) (row[x] == HELD && boot[drawer[x]] == RUNS)
#define ENDS_BY_RULE_B(b) (boot[b] == ENDED && ((SPEAKS(0) && MACHINE(b) == MACHINE(0)) || (SPEAKS(1) && MACHINE(b) == MACHINE(1)) || (SPEAKS(2) && MACHINE(b) == MACHINE(2))))
#define STAYS(x) (at[x] && (USED(x) || two_machines || (boot[drawer[x]] == ENDED && !ENDS_BY_RULE_B(drawer[x]))))
#define SAME(x) (row[x] == UNDRAWN || at[x] == STAYS(x))

/* It can move only when a property is broken. */
active proctype Properties() {
end: do
     /* The grid has an object for each id that a pod of a running boot uses. */
  :: d_step { (USED(0) && !at[0]) || (USED(1) && !at[1]) || (USED(2) && !at[2]) -> backed = false; assert(backed) }
#ifdef ADOPT
  :: d_step { original_user && !original -> backed = false; assert(backed) }
#endif
     /* At rest nothing is left of a boot that is over: of one that a person, or another machine, has to tell, it may. */
  :: timeout && !(SAME(0) && SAME(1) && SAME(2)) -> nothing_behind = false; assert(nothing_behind)
  od
}

init {
  byte i;
  atomic {
    boot[0] = RUNS;
    for (i : 0 .. IDS - 1) { run Id(i) }
    for (i : 0 .. 2) { run Agent(i); run RuleB(i) }
    run World();
#ifdef ADOPT
    run Original();
#endif
    i = 0
  }
  quiet = true
}
