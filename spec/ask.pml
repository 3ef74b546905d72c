/*
 * ask: a journal asks two coordinators for addresses, gives them to pods, and lets them go.
 *
 * Faults: connections break, the agent is killed (its journal stays), plugins die, DEL overtakes ADD; creates, labels
 * and deletions commit late; messages come late and again; the grid is exhausted.
 *
 * run ids:      -DIDS=3 -DADDS=2 -DFAULTS=1
 * run faults:   -DIDS=2 -DADDS=3 -DFAULTS=2
 * run gone:     -DIDS=2 -DADDS=3 -DFAULTS=1 -DGONE_EARLY
 * quick:        -DIDS=2 -DADDS=2 -DFAULTS=1
 *
 * mutant EARLY_ANSWER:      backed          the answer leaves before *held* is committed
 * mutant LATE_ALLOCATED:    nothing_behind  *allocated* is accepted for an id that is not asked
 * mutant OTHERS_LABEL:      one_life        what one ADD asked for, label included, becomes ready
 * mutant BACK_TO_RESERVE:   one_life        DEL makes an allocation ready again
 * mutant BY_ADDRESS:        backed          a deletion names the address that the id had, not the id
 * mutant ASK_SURVIVES:      one_object      an ask is sent again, with its id, on the next connection
 * mutant ASKED_AGAIN:       one_object      after an unknown outcome the same id is asked for again
 * mutant ASK_OUTLIVES_ADD:  same_answer     an ask belongs to the attachment, not to the ADD that made it
 * mutant DISOWN_ASKED:      backed          *whose* is answered from the journal alone, without what is asked
 * mutant COMPARED_ABSENT:   comes_to_rest   what is absent is deleted as long as its create may still commit
 * mutant NEVER_COMPARED:    nothing_behind  no coordinator compares the grid with the journal
 */
#define NIL 0

/* The grid gives an address to one object (sentence 2), and the object bears the id that was drawn for it. */
byte at[3];                   /* the address that the grid holds under this id */
byte labelled[3];             /* the pod that the label names, plus one; NIL is `reserve` */
byte creating[3];             /* creates on their way: each commits when it likes */
bool twice;                   /* two objects bear one id */

/* The agent. Rows are the journal's and survive SIGKILL, but for *asked*, which is in memory only. */
#define UNDRAWN 0
#define ASKED 1
#define READY 2
#define HELD 3
#define LET_GO 4
#define OVER 5                /* drawn, and neither asked, claimed nor let go: whoever asks is told *disowned* */
byte row[3];
byte address[3];              /* as *allocated* told it */
byte holder[3];               /* the pod that the id was asked for, then the pod that holds it, plus one; NIL: reserve */
bool connected;
byte home;                    /* the coordinator at the other end */
bool waiting[2];              /* an ADD of this pod waits for its answer */

/* A coordinator. It decides about no pod, so two of them are but two sets of calls on their way. */
bool open[3];                 /* the ask stands: its connection does */
bool answered[3];             /* *allocated* was sent, and may arrive late and again */
byte told[3];                 /* with this address */
bool deleting[6];             /* the id was heard to be let go or disowned: a deletion is on its way */
#define DELETING(c, x) deleting[2 * (x) + (c)]

/* The pods: the address that a runtime was told and has not given back. */
byte live[2];
byte faults, adds;
bool quiet;                   /* no fault comes any more, and no pod comes or goes */

#define HOLDS(x, p) (row[x] == HELD && holder[x] == p + 1)
#define HAS(p) (HOLDS(0, p) || HOLDS(1, p) || HOLDS(2, p))
#define ASKS(x, h) (row[x] == ASKED && holder[x] == h)
#define AWAITED(h) (ASKS(0, h) || ASKS(1, h) || ASKS(2, h))
#ifdef ASK_OUTLIVES_ADD
#define BUSY(h) false
#else
#define BUSY(h) AWAITED(h)
#endif
#define ANY_READY (row[0] == READY || row[1] == READY || row[2] == READY)
#define FREE(a) (at[0] != a && at[1] != a && at[2] != a)
#define NEXT(x) (row[x] == UNDRAWN && (x == 0 || row[x - (x > 0)] != UNDRAWN))
#define CLAIMED(x) (row[x] == READY || row[x] == HELD)

#define ASK_ENDS(x) open[x] = false; answered[x] = false; told[x] = NIL

#ifdef DISOWN_ASKED
#define DISOWNED(x) (row[x] == OVER || row[x] == LET_GO || row[x] == ASKED)
#else
#define DISOWNED(x) (row[x] == OVER || row[x] == LET_GO)
#endif

#ifdef COMPARED_ABSENT
#define LISTED_BEFORE(x) creating[x]
#else
#define LISTED_BEFORE(x) (creating[x] && !quiet)  /* an old index; at rest it is a new one */
#endif

#ifdef BY_ADDRESS
byte target[6];
#define DELETE(c, x) DELETING(c, x) = true; target[2 * (x) + (c)] = at[x]
#define HITS(y) (target[2 * (x) + (c)] && at[y] == target[2 * (x) + (c)])
#else
#define DELETE(c, x) DELETING(c, x) = true
#define HITS(y) (y == x)
#endif

/* The grid carries out what was sent, whenever it likes. The first free address is given: so it is soon used again. */
proctype Grid(byte x) {
end: do
  :: d_step { creating[x] -> creating[x]--;
       if
       :: FREE(1) -> twice = twice || at[x]; at[x] = 1; labelled[x] = holder[x]
       :: !FREE(1) && FREE(2) -> twice = twice || at[x]; at[x] = 2; labelled[x] = holder[x]
       :: else ->             /* exhausted: *declined* */
          if
          :: row[x] == ASKED && open[x] -> row[x] = OVER; ASK_ENDS(x);
             if :: holder[x] -> waiting[holder[x] - 1] = false :: else fi
          :: else
          fi
       fi }
     /* A label follows the answer, is sent until it is confirmed, and is written by the id. */
  :: d_step { row[x] == HELD && at[x] && labelled[x] != holder[x] -> labelled[x] = holder[x] }
  od
}

/* What coordinator c does about an id. */
proctype Coordinator(byte c; byte x) {
end: do
     /* The reply, or what the search by id found after an unknown outcome. */
  :: d_step { open[x] && home == c && !answered[x] && at[x] -> answered[x] = true; told[x] = at[x] }
     /* A let_go, or a comparison's *whose* and its answer, on the connection that stands. The journal and what is asked
        are looked at in one step. *mine* changes nothing. Both answers hold for ever, however late they are acted on. */
#ifndef NEVER_COMPARED
  :: d_step { connected && home == c && !DELETING(c, x) && (at[x] || LISTED_BEFORE(x)) && DISOWNED(x) -> DELETE(c, x) }
#endif
     /* The deletion commits. */
  :: d_step { DELETING(c, x) -> DELETING(c, x) = false;
       if
       :: HITS(0) -> at[0] = NIL; labelled[0] = NIL
       :: HITS(1) -> at[1] = NIL; labelled[1] = NIL
       :: HITS(2) -> at[2] = NIL; labelled[2] = NIL
       :: else
       fi
#ifdef BY_ADDRESS
       ; target[2 * (x) + (c)] = NIL
#endif
     }
     /* *gone*: the grid's definite word. That it is definite decides nothing: run `gone` believes one at any time. */
#ifdef GONE_EARLY
  :: d_step { row[x] == LET_GO -> row[x] = OVER; address[x] = NIL }
#else
  :: d_step { connected && home == c && row[x] == LET_GO && !at[x] -> row[x] = OVER; address[x] = NIL }
#endif
  od
}

/* What the agent does about an id. It is drawn at random: here in order, and never again (sentence 1). */
proctype Id(byte x) {
end: do
     /* A refill of the reserve, or an ADD that found nothing ready. */
  :: atomic { connected && NEXT(x) && adds < ADDS && !ANY_READY && !AWAITED(NIL) -> holder[x] = NIL; goto ask }
  :: atomic { connected && NEXT(x) && waiting[0] && !ANY_READY && !HAS(0) && !AWAITED(1) -> holder[x] = 1; goto ask }
  :: atomic { connected && NEXT(x) && waiting[1] && !ANY_READY && !HAS(1) && !AWAITED(2) -> holder[x] = 2;
ask:   row[x] = ASKED; open[x] = true; creating[x]++ }
     /* *allocated*: for the reserve, or for the ADD that waits for this very id. Committed before anybody is told. */
  :: d_step { answered[x] && row[x] == ASKED -> address[x] = told[x];
       if
       :: holder[x] == NIL -> row[x] = READY
#ifdef EARLY_ANSWER
       :: holder[x] && waiting[holder[x] - 1] -> live[holder[x] - 1] = address[x]; waiting[holder[x] - 1] = false
#else
       :: holder[x] && waiting[holder[x] - 1] -> row[x] = HELD
#endif
       :: else -> row[x] = OVER; DELETE(home, x)
       fi }
#ifdef EARLY_ANSWER
  :: d_step { row[x] == ASKED && holder[x] && address[x] && live[holder[x] - 1] == address[x] -> row[x] = HELD }
#endif
     /* *allocated*, late or again, for an id that is neither asked nor claimed: let_go at once. */
  :: d_step { answered[x] && (row[x] == OVER || row[x] == LET_GO) ->
#ifdef LATE_ALLOCATED
       address[x] = told[x]; row[x] = (holder[x] -> HELD : READY)
#else
       DELETE(home, x); ASK_ENDS(x)
#endif
     }
     /* *unknown*: the search by id found nothing, and the create may still commit. The id is let go, another is asked. */
  :: d_step { open[x] && !answered[x] && !at[x] && creating[x] && row[x] == ASKED ->
#ifdef ASKED_AGAIN
       creating[x] = 2
#else
       row[x] = OVER; DELETE(home, x); ASK_ENDS(x)
#endif
     }
     /* An ADD takes what is ready: one commit. One that has asked waits for its own id. */
  :: d_step { row[x] == READY && waiting[0] && !HAS(0) && !BUSY(1) -> row[x] = HELD; holder[x] = 1 }
  :: d_step { row[x] == READY && waiting[1] && !HAS(1) && !BUSY(2) -> row[x] = HELD; holder[x] = 2 }
     /* Surplus. */
  :: d_step { row[x] == READY && adds == ADDS && !waiting[0] && !waiting[1] -> row[x] = LET_GO }
  od
}

hidden byte one_holder, backed, same_answer, one_object, one_life, nothing_behind;

/* A pod, its runtime and its plugins. */
proctype Pod(byte p) {
  byte x;
end: do
     /* ADD, the first, or again. */
  :: d_step { !quiet && !waiting[p] && adds < ADDS && (p == 0 || adds) -> waiting[p] = true; adds++ }
     /* The answer, from the journal alone. */
  :: d_step { waiting[p] && HAS(p) ->
       waiting[p] = false;
       x = (HOLDS(0, p) -> 0 : (HOLDS(1, p) -> 1 : 2));
       same_answer = !live[p] || live[p] == address[x];
       assert(same_answer);
       live[p] = address[x]; x = 0 }
     /* The plugin dies before it has read the answer: what it asked for, or was about to be told, is let go. */
  :: d_step { !quiet && waiting[p] -> waiting[p] = false;
       for (x : 0 .. 2) {
         if
         :: HOLDS(x, p) && !live[p] -> row[x] = LET_GO
#if defined(OTHERS_LABEL)
         :: ASKS(x, p + 1) -> holder[x] = NIL
#elif !defined(ASK_OUTLIVES_ADD)
         :: ASKS(x, p + 1) -> row[x] = OVER
#endif
         :: else
         fi }
       x = 0 }
     /* DEL, GC, or a namespace that vanished. It withdraws the ADD in flight. */
  :: d_step { !quiet && (waiting[p] || live[p] || HAS(p)) -> waiting[p] = false; live[p] = NIL;
       for (x : 0 .. 2) {
         if
#ifdef BACK_TO_RESERVE
         :: HOLDS(x, p) -> row[x] = READY; holder[x] = NIL
#else
         :: HOLDS(x, p) -> row[x] = LET_GO
#endif
         :: ASKS(x, p + 1) -> row[x] = OVER
         :: else
         fi }
       x = 0 }
  od
}

/* Connections and their ends. The first goes to coordinator 0, as the two are alike. */
proctype Agent() {
  byte x;
end: do
  :: d_step { !connected -> connected = true; home = 0 }
  :: d_step { !connected && faults -> connected = true; home = 1 }
     /* An ask ends with its connection, while the ADD waits. */
  :: d_step { !quiet && connected && faults < FAULTS -> faults++; connected = false;
       for (x : 0 .. 2) {
         ASK_ENDS(x);
         if
#ifdef ASK_SURVIVES
         :: row[x] == ASKED -> open[x] = true; creating[x] = 2
#else
         :: row[x] == ASKED -> row[x] = OVER
#endif
         :: else
         fi }
       home = 0; x = 0 }
     /* SIGKILL: memory goes, the journal stays, plugins get no answer. */
  :: d_step { !quiet && faults < FAULTS -> faults++; connected = false;
       for (x : 0 .. 2) {
         ASK_ENDS(x);
         if :: row[x] == ASKED -> row[x] = OVER :: else fi }
       waiting[0] = false; waiting[1] = false; home = 0; x = 0 }
  od
}

#define BACKS(x, p) (HOLDS(x, p) && at[x] == live[p])
#define BACKED(p) (!live[p] || BACKS(0, p) || BACKS(1, p) || BACKS(2, p))
#define TRUE_LABEL(x) (!labelled[x] || labelled[x] == holder[x])
#define SAME(x) ((at[x] != NIL) == CLAIMED(x) && (!CLAIMED(x) || at[x] == address[x]) && (row[x] != HELD || labelled[x] == holder[x]))

/* It can move only when a property is broken. */
active proctype Properties() {
end: do
     /* Two live pods never share an address. */
  :: d_step { live[0] && live[0] == live[1] -> one_holder = false; assert(one_holder) }
     /* What was told is held, by that pod, under an id that the grid has at that address. */
  :: d_step { !BACKED(0) || !BACKED(1) -> backed = false; assert(backed) }
     /* An id names one object at most. */
  :: d_step { twice -> one_object = false; assert(one_object) }
     /* An allocation serves one attachment in its life: so its label is never another's. */
  :: d_step { !TRUE_LABEL(0) || !TRUE_LABEL(1) || !TRUE_LABEL(2) -> one_life = false; assert(one_life) }
     /* At rest the grid's objects are the journal's claims, at the same addresses, and what is held bears its label. */
  :: timeout && !(SAME(0) && SAME(1) && SAME(2)) -> nothing_behind = false; assert(nothing_behind)
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. IDS - 1) { run Grid(i); run Id(i); run Coordinator(0, i); run Coordinator(1, i) }
    run Pod(0); run Pod(1); run Agent(); i = 0
  }
  quiet = true
}
