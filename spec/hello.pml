/*
 * hello: what a coordinator believes that a journal claims, over the sessions of one agent.
 *
 * Faults: connections break; what was sent on one may be read after what was sent on the next; a let_go, and
 * *allocated*, fall between the pages of a hello; the coordinator is slow, and its *welcome* is lost with its connection.
 * Each connection keeps its order. A page carries one id.
 *
 * run ids:      -DIDS=3 -DCONNECTIONS=2
 * run breaks:   -DIDS=2 -DCONNECTIONS=3
 * quick:        -DIDS=2 -DCONNECTIONS=2
 *
 * mutant BETWEEN_PAGES:  no_ghost       a let_go between the pages of a hello is forgotten at its last page
 * mutant PAGES_REPLACE:  none_missed    the last page replaces what was allocated before it
 * mutant HALF_HELLO:     none_missed    an unfinished hello counts
 * mutant LATE_HELLO:     comes_to_know  a hello that was read late replaces the session of a later connection
 */
#define NIL 0

/* The journal. */
#define FREE 0
#define ASKED 1
#define CLAIMED 2
#define OVER 3
byte row[3];

/* Connections one after the other, each in its order. A message names an id. */
mtype = { hello, page, last, let_go, allocate, welcome, allocated };
chan up[3] = [12] of { mtype, byte };
chan down[3] = [5] of { mtype, byte };
byte connection;              /* the one that stands, plus one */
byte connections;
bool welcomed, told_all;
bool to_tell[3];              /* what the hello names, and has not yet */

/* The coordinator: its session of this journal. */
byte session;                 /* the connection, plus one */
byte welcomes, session_number, number[3];  /* welcomes are numbered */
bool finished;                /* the last page was read */
bool named[3];                /* by a page, or by *allocated* in this session */
bool gone[3];                 /* let go in this session */
#ifdef PAGES_REPLACE
bool fresh[3];                /* allocated before the last page */
#endif
bool quiet;                   /* no connection breaks any more, and nothing is asked for or let go */

#define HERE (connection - 1)

/* The agent. It is welcomed before it says what it claims, or asks. */
active proctype Agent() {
  byte x;
end: do
  :: atomic { !connection && connections < CONNECTIONS -> connections++; connection = connections; up[HERE]!hello(0) }
  :: atomic { connection && nempty(down[HERE]) ->
       if
       :: down[HERE]?welcome(x) -> welcomed = true;
          for (x : 0 .. 2) { to_tell[x] = row[x] == CLAIMED }
       :: down[HERE]?allocated(x) ->
          if
          :: row[x] == ASKED -> row[x] = CLAIMED
          :: else -> up[HERE]!let_go(x)
          fi
       fi; x = 0 }
     /* The pages, and what happens between them. */
  :: atomic { welcomed && !told_all && to_tell[0] -> to_tell[0] = false; up[HERE]!page(0) }
  :: atomic { welcomed && !told_all && !to_tell[0] && to_tell[1] -> to_tell[1] = false; up[HERE]!page(1) }
  :: atomic { welcomed && !told_all && !to_tell[0] && !to_tell[1] && to_tell[2] -> to_tell[2] = false; up[HERE]!page(2) }
  :: atomic { welcomed && !told_all && !to_tell[0] && !to_tell[1] && !to_tell[2] -> told_all = true; up[HERE]!last(0) }
     /* A connection breaks: an ask ends with it. What was sent may still be read, or not. */
  :: atomic { !quiet && connection ->
       if :: true -> do :: up[HERE]?_, x :: empty(up[HERE]) -> break od :: true fi;
       do :: down[HERE]?_, x :: empty(down[HERE]) -> break od;
       for (x : 0 .. 2) { row[x] = (row[x] == ASKED -> OVER : row[x]); to_tell[x] = false }
       welcomed = false; told_all = false; connection = NIL; x = 0 }
  od
}

proctype Id(byte x) {
end: do
  :: atomic { !quiet && welcomed && x < IDS && row[x] == FREE && (x == 0 || row[x - (x > 0)] != FREE) -> row[x] = ASKED; up[HERE]!allocate(x) }
  :: atomic { !quiet && row[x] == ASKED -> row[x] = OVER }
     /* Without a connection it is told in the next hello, which names no claim of it. */
  :: atomic { !quiet && row[x] == CLAIMED -> row[x] = OVER;
       if :: welcomed -> up[HERE]!let_go(x) :: else fi }
  od
}

#define BEGIN(k) session = k + 1; session_number = number[k]; finished = false;\
  named[0] = false; named[1] = false; named[2] = false; gone[0] = false; gone[1] = false; gone[2] = false

/* It reads the connections in any order. */
proctype Reader(byte k) {
  byte x;
  mtype what;
end: do
  :: atomic { up[k]?what(x) ->
       if
       :: what == hello ->
          welcomes++; number[k] = welcomes;
#ifdef LATE_HELLO
          BEGIN(k);
#endif
          if :: connection == k + 1 -> down[k]!welcome(0) :: else fi
       :: else ->
          /* What answers a later welcome replaces the session; what answers an earlier one is of a replaced session. */
          if :: session != k + 1 && number[k] > session_number -> BEGIN(k) :: else fi;
          if
          :: session == k + 1 ->
             if
             :: what == page -> named[x] = true
             :: what == last -> finished = true;
#ifdef PAGES_REPLACE
                named[0] = named[0] && !fresh[0]; named[1] = named[1] && !fresh[1]; named[2] = named[2] && !fresh[2]
#endif
#ifdef BETWEEN_PAGES
             :: what == let_go -> named[x] = false
#else
             :: what == let_go -> gone[x] = true
#endif
             :: what == allocate -> named[x] = true;
#ifdef PAGES_REPLACE
                fresh[x] = !finished;
#endif
                if :: connection == k + 1 -> down[k]!allocated(x) :: else fi
             fi
          :: else
          fi
       fi;
       x = 0; what = 0 }
  od
}

#ifdef HALF_HELLO
#define COUNTS session
#else
#define COUNTS (session && finished)
#endif
#define BELIEVED(x) (COUNTS && named[x] && !gone[x])
#define IN_STEP (connection && session == connection && COUNTS)
#define MISSED(x) (row[x] == CLAIMED && !BELIEVED(x))
#define GHOST(x) (row[x] != CLAIMED && BELIEVED(x))
#define STILL (empty(up[connection - (connection > 0)]) && empty(down[connection - (connection > 0)]))
hidden byte none_missed, no_ghost, comes_to_know;

/* It can move only when a property is broken. */
active proctype Properties() {
end: do
     /* A hello that counts, and what was allocated since, name all that the journal claims. */
  :: d_step { IN_STEP && (MISSED(0) || MISSED(1) || MISSED(2)) -> none_missed = false; assert(none_missed) }
     /* When nothing is on the way, nothing is believed to be claimed that is not. */
  :: d_step { IN_STEP && STILL && (GHOST(0) || GHOST(1) || GHOST(2)) -> no_ghost = false; assert(no_ghost) }
     /* At rest the connection that stands is the session. */
  :: timeout && connection && !IN_STEP -> comes_to_know = false; assert(comes_to_know)
  od
}

init {
  atomic { run Id(0); run Id(1); run Id(2); run Reader(0); run Reader(1); run Reader(2) }
  quiet = true
}
