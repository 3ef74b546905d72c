/*
 * forgot: the grid forgets what two journals claim: claims, comparison before *allocated*, repair, lost.
 *
 * Faults: an admin deletes our objects, takes an id off one, restores one from the recycle bin, makes one at a free
 * address; sessions end and the next hello comes late; creates, repairs and deletions commit late; a hostile node claims
 * what it never had. The agents' crashes are the model ask's.
 * A pod is its id here: it holds the address that it was told.
 *
 * run deletes:  -DIDS=3 -DDELETES=2 -DBREAKS=1
 * run edits:    -DIDS=3 -DDELETES=1 -DBREAKS=1 -DEDITS
 * run hostile:  -DIDS=3 -DDELETES=1 -DBREAKS=1 -DHOSTILE
 * quick:        -DIDS=2 -DDELETES=1 -DBREAKS=1
 *
 * mutant NOT_COMPARED:      guarded         *allocated* is sent without a look at the other claims
 * mutant OTHERS_COMPARED:   guarded         of the claims only those of other sessions are looked at
 * mutant HELLO_CLAIMS:      nothing_behind  a session claims what its hello said, not what it was allocated since
 * mutant AGENT_BLIND:       one_per_node    an agent takes an address that its own journal claims
 * mutant REWRITTEN:         backed          a repair writes its id on our object that has the address and no claim
 * mutant DELETED_UNASKED:   backed          such an object is deleted without asking its journal
 * mutant BY_ADDRESS:        backed          a deletion names the address, not the id
 * mutant OVER_CLAIM:        kept            a claim is repaired at an address that another claims
 * mutant NOT_LOST:          one_holder      nobody is told that his address is another's
 * mutant LOST_ANYHOW:       kept            an unsuccessful repair is *lost*, whoever has the address
 * mutant BARE_STAYS:       nothing_behind  an edited object gets its id back from the one who claims that id alone
 * mutant MINE_WAITS:       nothing_behind  a repair waits for an object that its journal calls *mine*
 * mutant NOT_REPAIRED:      nothing_behind  a claim that the grid lacks is not repaired
 * mutant LATE_REPAIR_STAYS: nothing_behind  what a late repair made is not compared
 * mutant UNSEALED:          kept            a claim counts without a seal
 */
#define NIL 0

/* The grid. */
byte at[3];                   /* the address that it holds under this id */
bool bare[3];                 /* the object at the id's address lost its id, but has it in its comment */
byte foreign;                 /* the address of somebody else's object */
bool creating[3], repairing[3], deleting[3];

/* The journals of two nodes. */
#define UNDRAWN 0
#define ASKED 1
#define HELD 2
#define OVER 3                /* let go, or never known: disowned */
#define LOST 4                /* another has the address: the pod's CHECK fails; no claim, but *mine* */
byte row[3];
byte node[3];
byte address[3];
bool asked[3];                /* the ask stands: its session does */

/* The coordinator. */
#define NONE 0
#define GREETED 1             /* its hello is not finished; it may ask */
#define HEARD 2
byte session[2];
bool claim[3];
byte deletes, edits, breaks;
bool touched[3];              /* by the admin */
bool quiet;                   /* no fault comes any more, and no pod comes or goes */

#ifdef HOSTILE
#define FORGED(x) (x == 0)    /* the id that node 1 invents, at address 1 */
#else
#define FORGED(x) false
#endif
#define TAKEN(x, a) (at[x] == a || (bare[x] && address[x] == a))
#define FREE(a) (!TAKEN(0, a) && !TAKEN(1, a) && !TAKEN(2, a) && foreign != a)
#define NEXT(x) (row[x] == UNDRAWN && !FORGED(x) && (x == 0 || FORGED(x - (x > 0)) || row[x - (x > 0)] != UNDRAWN))
#define CLAIMS(y, x, a) (y != x && claim[y] && address[y] == a)
#define CLAIMED(x, a) (CLAIMS(0, x, a) || CLAIMS(1, x, a) || CLAIMS(2, x, a))
#define HOLDS(y, x, a) (y != x && row[y] == HELD && address[y] == a && !FORGED(y))
#define KNOWN(y, x, a) (HOLDS(y, x, a) && session[node[y]] == HEARD)
#define OURS(y, x) (y != x && at[y] && at[y] == address[x])
#define MISSING(x) (claim[x] && !at[x])

#ifdef OTHERS_COMPARED
#define COMPARED(y, x) (CLAIMS(y, x, at[x]) && node[y] != node[x])
#elif defined(NOT_COMPARED)
#define COMPARED(y, x) false
#else
#define COMPARED(y, x) CLAIMS(y, x, at[x])
#endif
#define CONFLICT(x) (COMPARED(0, x) || COMPARED(1, x) || COMPARED(2, x))
#ifdef MINE_WAITS
#define SAYS_MINE(y) false
#else
#define SAYS_MINE(y) (session[node[y]] == HEARD && row[y] == LOST)
#endif
#ifdef BY_ADDRESS
#define DELETED(y) (at[y] && at[y] == address[x])
#else
#define DELETED(y) (y == x)
#endif

hidden byte guarded, one_per_node, backed, kept, one_holder, nothing_behind;

proctype Grid(byte x) {
end: do
     /* The first free address. */
  :: d_step { creating[x] -> creating[x] = false;
       if
       :: FREE(1) -> at[x] = 1
       :: !FREE(1) && FREE(2) -> at[x] = 2
       :: else -> if :: asked[x] && row[x] == ASKED -> row[x] = OVER; asked[x] = false :: else fi
       fi;
       if :: !asked[x] -> address[x] = at[x] :: else fi }
     /* A repair: by the id, wherever it is; else at the literal address. */
  :: d_step { repairing[x] -> repairing[x] = false;
       if
       :: !at[x] && FREE(address[x]) -> at[x] = address[x]
#ifdef REWRITTEN
       :: OURS(0, x) && !claim[0] -> at[0] = NIL; at[x] = address[x]
       :: OURS(1, x) && !claim[1] -> at[1] = NIL; at[x] = address[x]
       :: OURS(2, x) && !claim[2] -> at[2] = NIL; at[x] = address[x]
#endif
       :: else
       fi }
  :: d_step { deleting[x] -> deleting[x] = false;
       if
       :: DELETED(0) -> at[0] = NIL
       :: DELETED(1) -> at[1] = NIL
       :: DELETED(2) -> at[2] = NIL
       :: else
       fi }
  od
}

#define LOSE(x) claim[x] = false;\
  if :: session[node[x]] != NONE && row[x] == HELD -> row[x] = LOST :: else fi

proctype Coordinator(byte x) {
end: do
     /* The reply to a create, or what the search by id found: compared with all claims before *allocated*. Here the
        agent's commit falls together with *allocated*; it looks at its own journal, too. */
  :: d_step { asked[x] && row[x] == ASKED && at[x] && !CONFLICT(x) ->
       guarded = !KNOWN(0, x, at[x]) && !KNOWN(1, x, at[x]) && !KNOWN(2, x, at[x]);
       assert(guarded);
       address[x] = at[x]; asked[x] = false;
       if
#ifndef AGENT_BLIND
       :: (HOLDS(0, x, at[x]) && node[0] == node[x]) || (HOLDS(1, x, at[x]) && node[1] == node[x]) ||
          (HOLDS(2, x, at[x]) && node[2] == node[x]) -> row[x] = OVER
#endif
       :: else -> row[x] = HELD;
#ifndef HELLO_CLAIMS
          claim[x] = true
#endif
       fi }
     /* Somebody claims the address: *unknown*. Its journal lets the new id go; then it is deleted by that id. */
  :: d_step { asked[x] && row[x] == ASKED && at[x] && CONFLICT(x) -> address[x] = at[x]; asked[x] = false; row[x] = OVER }
     /* *unknown*: the search found nothing, and the create may still commit. */
  :: d_step { asked[x] && row[x] == ASKED && !at[x] && creating[x] -> asked[x] = false; row[x] = OVER }
     /* The comparison: disowned, or let go. */
#ifdef LATE_REPAIR_STAYS
  :: d_step { at[x] && !deleting[x] && row[x] == OVER && !FORGED(x) && session[node[x]] == HEARD && !touched[x] -> deleting[x] = true }
#else
  :: d_step { at[x] && !deleting[x] && row[x] == OVER && !FORGED(x) && session[node[x]] == HEARD -> deleting[x] = true }
#endif
     /* The pod ends; its let_go is heard at once, or with the next hello. */
  :: d_step { !quiet && (row[x] == HELD || row[x] == LOST) && !FORGED(x) -> row[x] = OVER;
       if :: session[node[x]] != NONE -> claim[x] = false :: else fi }
     /* A claim that the grid lacks is searched, then repaired: where nobody else claims the address. */
#ifndef NOT_REPAIRED
#ifdef OVER_CLAIM
  :: d_step { MISSING(x) && !repairing[x] && FREE(address[x]) ->
       kept = !KNOWN(0, x, address[x]) && !KNOWN(1, x, address[x]) && !KNOWN(2, x, address[x]);
       assert(kept); repairing[x] = true }
#else
  :: d_step { MISSING(x) && !repairing[x] && FREE(address[x]) && !CLAIMED(x, address[x]) -> repairing[x] = true }
#endif
     /* An edited object has the address: it gets its own id back, whichever that is, and is then compared like any other. */
#ifdef BARE_STAYS
  :: d_step { !at[x] && bare[x] && MISSING(x) -> bare[x] = false; at[x] = address[x] }
#else
  :: d_step { !at[x] && bare[x] && ((MISSING(0) && address[0] == address[x]) || (MISSING(1) && address[1] == address[x]) ||
              (MISSING(2) && address[2] == address[x])) -> bare[x] = false; at[x] = address[x] }
#endif
#ifdef REWRITTEN
  :: d_step { MISSING(x) && !repairing[x] && !CLAIMED(x, address[x]) && (OURS(0, x) || OURS(1, x) || OURS(2, x)) ->
       repairing[x] = true }
#endif
#ifdef DELETED_UNASKED
  :: d_step { MISSING(x) && OURS(0, x) && !claim[0] && !deleting[0] -> deleting[0] = true }
  :: d_step { MISSING(x) && OURS(1, x) && !claim[1] && !deleting[1] -> deleting[1] = true }
#endif
#endif
#ifndef NOT_LOST
     /* *lost*: the address is somebody else's object, or one of ours that is claimed, or that its journal calls *mine*. */
  :: d_step { MISSING(x) && !bare[x] && foreign == address[x] -> LOSE(x) }
  :: d_step { MISSING(x) && !bare[x] && ((OURS(0, x) && (claim[0] || SAYS_MINE(0))) ||
              (OURS(1, x) && (claim[1] || SAYS_MINE(1))) || (OURS(2, x) && (claim[2] || SAYS_MINE(2)))) -> LOSE(x) }
#endif
#ifdef LOST_ANYHOW
  :: d_step { MISSING(x) && !repairing[x] && (OURS(0, x) || OURS(1, x) || OURS(2, x)) ->
       kept = (OURS(0, x) && row[0] != OVER) || (OURS(1, x) && row[1] != OVER) || (OURS(2, x) && row[2] != OVER);
       assert(kept); LOSE(x) }
#endif
  od
}

#ifdef UNSEALED
#define COUNTS(x) true
#else
#define COUNTS(x) !FORGED(x)  /* the index has the id at that address, or the seal is right */
#endif

/* An agent. Its sessions end; it asks before the last page of its hello, too. */
proctype Agent(byte j) {
  byte x;
end: do
  :: d_step { session[j] == NONE -> session[j] = GREETED }
     /* The last page. A claim at an address that another claims already, where the grid has neither, is lost. */
  :: d_step { session[j] == GREETED ->
       for (x : 0 .. 2) {
         if
         :: node[x] == j && row[x] == HELD && COUNTS(x) ->
            if
#if !defined(NOT_LOST) && !defined(OVER_CLAIM)
            :: !at[x] && CLAIMED(x, address[x]) ->
               kept = FORGED(x) || !((FORGED(0) && CLAIMS(0, x, address[x])));
               assert(kept);
               row[x] = LOST
#endif
            :: else -> claim[x] = true
            fi
         :: else
         fi }
       session[j] = HEARD; x = 0 }
  :: d_step { !quiet && session[j] != NONE && breaks < BREAKS -> breaks++; session[j] = NONE;
       for (x : 0 .. 2) {
         if
         :: node[x] == j && row[x] != UNDRAWN -> claim[x] = false; asked[x] = false;
            row[x] = (row[x] == ASKED -> OVER : row[x])
         :: else
         fi }
       x = 0 }
  od
}

proctype Asks(byte x) {
end: do
  :: d_step { !quiet && NEXT(x) && session[0] != NONE -> row[x] = ASKED; node[x] = 0; asked[x] = true; creating[x] = true }
#ifndef HOSTILE
  :: d_step { !quiet && NEXT(x) && session[1] != NONE && x -> row[x] = ASKED; node[x] = 1; asked[x] = true; creating[x] = true }
#endif
  od
}

proctype Admin(byte x) {
end: do
  :: d_step { !quiet && at[x] && deletes < DELETES && row[x] != ASKED -> deletes++; at[x] = NIL; touched[x] = true }
#ifdef EDITS
     /* Takes the id off; restores from the recycle bin; makes an object of his own. */
  :: d_step { !quiet && at[x] && !edits && row[x] != ASKED -> edits++; at[x] = NIL; bare[x] = true; touched[x] = true }
  :: d_step { !quiet && !at[x] && !bare[x] && !edits && row[x] != UNDRAWN && row[x] != ASKED && !creating[x] && address[x] && FREE(address[x]) ->
       edits++; at[x] = address[x] }
  :: d_step { !quiet && FREE(1) && !edits -> edits++; foreign = 1 }
#endif
  od
}

#define SHARE(x, y) (row[x] == HELD && HOLDS(y, x, address[x]) && !FORGED(x))
#define SHARED(x, y) (SHARE(x, y) && node[x] == node[y])
#define UNBACKED(x) (row[x] == HELD && !touched[x] && !FORGED(x) && at[x] != address[x])
#define SAME(x) (FORGED(x) || bare[x] || (row[x] == HELD && at[x] == address[x]) || row[x] == LOST || (row[x] != HELD && !at[x]))

/* It can move only when a property is broken. The first, guarded, and kept stand in the steps: an address is told only if
   no journal that is heard claims it; nobody that is heard loses his address to a repair, to a forgery or to nothing. */
active proctype Properties() {
end: do
     /* Not even the admin brings one address to two pods of one node. */
  :: d_step { SHARED(0, 1) || SHARED(0, 2) || SHARED(1, 2) -> one_per_node = false; assert(one_per_node) }
     /* What no admin touched, the grid holds under its id, at its address. */
  :: d_step { UNBACKED(0) || UNBACKED(1) || UNBACKED(2) -> backed = false; assert(backed) }
     /* At rest no two share an address unknowingly. */
  :: timeout && (SHARE(0, 1) || SHARE(0, 2) || SHARE(1, 2)) -> one_holder = false; assert(one_holder)
     /* At rest the grid's objects are the journals' claims, at the same addresses, but for what is lost. */
  :: timeout && !(SAME(0) && SAME(1) && SAME(2)) -> nothing_behind = false; assert(nothing_behind)
  od
}

init {
  byte i;
  atomic {
#ifdef HOSTILE
    row[0] = HELD; node[0] = 1; address[0] = 1;
#endif
    for (i : 0 .. IDS - 1) { run Grid(i); run Coordinator(i); run Asks(i); run Admin(i) }
    run Agent(0); run Agent(1); i = 0
  }
  quiet = true
}
