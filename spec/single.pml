/*
 * single: rule S, for a grid whose user may not use `request`: search and write are two calls, and the write names a
 * reference, which is the address. Whatever has the address when the write commits is what it hits.
 *
 * Faults: the Lease goes over to the other coordinator, and back; calls end without an outcome, and commit late.
 * Assumed: within a minute after it was begun a call has been carried out, or never will be.
 *
 * run leases:   -DIDS=3 -DLEASES=2
 * quick:        -DIDS=2 -DLEASES=1
 *
 * mutant NO_FIRST_MINUTE:  one_life  who takes over writes by reference at once
 * mutant DELETED_AGAIN:    backed    a deletion without an outcome is repeated at once
 * mutant LABEL_FORGOTTEN:  one_life  an id is deleted although a label without an outcome may still be written
 * mutant NO_LEASE:         backed    a coordinator without the Lease deletes
 * mutant OLD_SEARCH:       backed    the reference is the one of the last listing
 */
#define NIL 0

/* Ids, each with its pod; the grid gives the first free address. */
#define UNDRAWN 0
#define HELD 1
#define OVER 2
byte row[3];
byte at[3];
byte labelled[3];             /* the id whose label it bears, plus one */

/* Calls that were begun: two at most. */
#define DELETE 1
#define LABEL 2
byte call[2];
byte reference[2], about[2];
bool lane[2];                 /* its coordinator waits for the reply */
byte caller[2];

/* The coordinators. */
byte leader, leases;
bool settled;                 /* the leader's first minute has passed */
bool uncertain[3];            /* a call about this id ended without an outcome, less than a minute ago */
#ifdef OLD_SEARCH
byte listed[3];
#define FOUND(x) listed[x]
#else
#define FOUND(x) at[x]
#endif
bool quiet;

#define FREE(a) (at[0] != a && at[1] != a && at[2] != a)
#define NEXT(x) (row[x] == UNDRAWN && (x == 0 || row[x - (x > 0)] != UNDRAWN))
#define BUSY(c) ((lane[0] && caller[0] == c) || (lane[1] && caller[1] == c))
#ifdef NO_LEASE
#define MAY(c) (settled || c != leader)
#elif defined(NO_FIRST_MINUTE)
#define MAY(c) (c == leader)
#else
#define MAY(c) (c == leader && settled)
#endif
#ifdef DELETED_AGAIN
#define SURE(x) true
#else
#define SURE(x) (!uncertain[x])
#endif
#define HIT(y, s) (at[y] && at[y] == reference[s])

proctype Id(byte x) {
end: do
     /* A create names no reference. */
  :: d_step { !quiet && NEXT(x) && (FREE(1) || FREE(2)) -> row[x] = HELD; at[x] = (FREE(1) -> 1 : 2) }
  :: d_step { !quiet && row[x] == HELD -> row[x] = OVER }
#ifdef OLD_SEARCH
  :: d_step { at[x] && !listed[x] -> listed[x] = at[x] }
#endif
  od
}

/* Search by the id, then at once the call by the reference that was found. */
proctype Coordinator(byte c; byte x; byte s) {
end: do
  :: d_step { row[x] == OVER && FOUND(x) && MAY(c) && !BUSY(c) && !call[s] && SURE(x) ->
       call[s] = DELETE; reference[s] = FOUND(x); about[s] = x; caller[s] = c; lane[s] = true }
  :: d_step { row[x] == HELD && !labelled[x] && FOUND(x) && MAY(c) && !BUSY(c) && !call[s] && SURE(x) ->
       call[s] = LABEL; reference[s] = FOUND(x); about[s] = x; caller[s] = c; lane[s] = true }
  od
}

#define END_CALL(s) call[s] = NIL; reference[s] = NIL; about[s] = 0; caller[s] = 0; lane[s] = false

proctype Call(byte s) {
end: do
     /* Carried out, late perhaps. */
  :: d_step { call[s] == DELETE ->
       if
       :: HIT(0, s) -> at[0] = NIL; labelled[0] = NIL
       :: HIT(1, s) -> at[1] = NIL; labelled[1] = NIL
       :: HIT(2, s) -> at[2] = NIL; labelled[2] = NIL
       :: else
       fi; END_CALL(s) }
  :: d_step { call[s] == LABEL ->
       if
       :: HIT(0, s) -> labelled[0] = about[s] + 1
       :: HIT(1, s) -> labelled[1] = about[s] + 1
       :: HIT(2, s) -> labelled[2] = about[s] + 1
       :: else
       fi; END_CALL(s) }
     /* Never carried out. */
  :: d_step { !quiet && call[s] -> END_CALL(s) }
     /* No outcome: the lane goes on. */
  :: d_step { lane[s] -> lane[s] = false;
#ifdef LABEL_FORGOTTEN
       uncertain[about[s]] = uncertain[about[s]] || (caller[s] == leader && call[s] == DELETE)
#else
       uncertain[about[s]] = uncertain[about[s]] || caller[s] == leader
#endif
     }
  od
}

proctype Lease() {
end: do
  :: d_step { !quiet && leases < LEASES -> leases++; leader = 1 - leader; settled = false;
       uncertain[0] = false; uncertain[1] = false; uncertain[2] = false }
     /* A minute passes: what was begun before it has ended. */
  :: d_step { !call[0] && !call[1] && (!settled || uncertain[0] || uncertain[1] || uncertain[2]) -> settled = true;
       uncertain[0] = false; uncertain[1] = false; uncertain[2] = false }
  od
}

#define FORGOTTEN(x) (row[x] == HELD && !at[x])
#define WRONG_LABEL(x) (labelled[x] && labelled[x] != x + 1)
#define LEFT(x) (row[x] == OVER && at[x])
hidden byte backed, one_life, nothing_behind;

/* It can move only when a property is broken. */
active proctype Properties() {
end: do
     /* No deletion hits an object that a pod uses. */
  :: d_step { FORGOTTEN(0) || FORGOTTEN(1) || FORGOTTEN(2) -> backed = false; assert(backed) }
     /* No object bears another's label. */
  :: d_step { WRONG_LABEL(0) || WRONG_LABEL(1) || WRONG_LABEL(2) -> one_life = false; assert(one_life) }
     /* At rest what was let go is gone. */
  :: timeout && (LEFT(0) || LEFT(1) || LEFT(2)) -> nothing_behind = false; assert(nothing_behind)
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. IDS - 1) {
      run Id(i); run Coordinator(0, i, 0); run Coordinator(0, i, 1); run Coordinator(1, i, 0); run Coordinator(1, i, 1)
    }
    run Call(0); run Call(1); run Lease(); i = 0
  }
  quiet = true
}
