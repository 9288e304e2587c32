/* The protocol of a function's results, for spin: store, remove, reset, version switch, flight and
 * sweep. docs/concurrency.md tells it with the names used here.
 *
 * Three processes, two keys, two versions of the function. A step is what the system does in one
 * (a rename, an unlink, a lock); between any two steps a process may die, so many as DEATHS says,
 * and somebody may once put a foreign file in the place of an entry. What is checked:
 *
 *   - never a wrong or foreign result is given                  (assert in `look`)
 *   - never two live computations of one key that have its turn (assert in `look_again`)
 *   - nothing is computed with a turn that is there already     (assert in `look_again`)
 *   - what a living writer needs is not swept                   (assert in `store`)
 *   - nobody waits for the dead, and every circle ends          (no invalid end state)
 *
 * With -DFAULT_... one of these is broken on purpose, and spin must find it: model.sh. */

#define PROCESSES 3
#define NOBODY PROCESSES
#define KEYS 2
#define PLACES 4 /* versions * KEYS */
#ifndef DEATHS
#define DEATHS 1
#endif

#define PLACE(v, k) ((v) * KEYS + (k))
#define IS_VALID(p) (version_in[p] == (p) / KEYS + 1 && key_in[p] == (p) % KEYS)

/* Entries, by directory and name: the version (0: no entry) and the key that are written in them.
 * A directory is that of its version for ever, whatever it is called. */
byte version_in[PLACES];
byte key_in[PLACES];
/* The directory that has the function's name; 2: none, between two renames. */
byte named = 0;
byte switching = NOBODY; /* who has the lock on .versions/ */
/* Who has the turn; one more place, so that NOBODY has none. */
byte turn[PLACES];
/* What a process waits for within what it computes: place + 1; 0: nothing. NOBODY waits, too. */
byte waits[4];
bit alive[PROCESSES];
bit temporary[PROCESSES]; /* a file that is being written, locked by its writer */
byte computing[PLACES];   /* live computations that have the turn */
bit foreign_was_put;
byte deaths;

/* The kernel's part of a death: what was locked is not any more. */
#ifdef FAULT_LOCK_STAYS
#define LET_GO(p)
#else
#define LET_GO(p) turn[p] = NOBODY
#endif

#define FREE(p)                                                                                    \
    if                                                                                             \
    :: turn[p] == _i -> computing[p] = 0; LET_GO(p)                                                \
    :: else                                                                                        \
    fi

/* Who has the turn of p waits for one that this process has, itself or through another. */
#define NEXT(p) (waits[turn[p]] - 1)
#define CIRCLE(p)                                                                                  \
    (turn[p] == me || (waits[turn[p]] > 0 &&                                                       \
                       (turn[NEXT(p)] == me ||                                                     \
                        (waits[turn[NEXT(p)]] > 0 && turn[NEXT(NEXT(p))] == me))))
#ifdef FAULT_NO_CIRCLES
#define MAY_GO_ON(p) (turn[p] == NOBODY)
#else
#define MAY_GO_ON(p) (turn[p] == NOBODY || CIRCLE(p))
#endif

/* One open and read of a whole file; what is not of this key and version is a miss. */
inline look(p, hit)
{
#ifdef FAULT_UNVALIDATED
    hit = version_in[p] != 0;
#else
    hit = version_in[p] != 0 && IS_VALID(p);
#endif
    assert(!hit || IS_VALID(p))
}

inline store(p)
{
    temporary[me] = 1;
    atomic {
        assert(temporary[me]); /* else somebody swept it */
        version_in[p] = (p) / KEYS + 1;
        key_in[p] = (p) % KEYS;
        temporary[me] = 0
    }
}

#ifdef FAULT_SWEEP_OF_THE_LIVING
#define MAY_SWEEP(i) true
#else
#define MAY_SWEEP(i) (!alive[i]) /* its lock can be had */
#endif

inline sweep(i)
{
    i = 0;
    do
    :: atomic {
            i < PROCESSES ->
            if
            :: temporary[i] && MAY_SWEEP(i) -> temporary[i] = 0
            :: else
            fi;
            i++
        }
    :: atomic { i >= PROCESSES -> i = 0 }; break
    od
}

#ifdef FAULT_NO_SECOND_LOOK
#define SECOND_LOOK(p, hit) skip
#else
#define SECOND_LOOK(p, hit) look(p, hit)
#endif

/* Take the turn; or wait for it, unless that closes a circle. `mine`: it was taken. */
inline take_turn(p, mine)
{
    waits[me] = p + 1;
    atomic {
        MAY_GO_ON(p);
        if
        :: turn[p] == NOBODY -> turn[p] = me; mine = 1
        :: else /* a circle: without a turn */
        fi;
        waits[me] = 0
    }
}

inline look_again(p, hit, mine)
{
    atomic {
        SECOND_LOOK(p, hit);
        if
        :: !hit && mine ->
            computing[p]++;
            assert(computing[p] == 1);
            assert(!(version_in[p] != 0 && IS_VALID(p)))
        :: else
        fi
    }
}

inline give_up_turn(p, mine)
{
    atomic {
        if
        :: mine && turn[p] == me -> computing[p] = 0; turn[p] = NOBODY
        :: else
        fi;
        mine = 0
    }
}

/* The look before the turn, which spares a hit the turn; left out where a miss is expected. */
inline look_before(p, hit)
{
    if
    :: look(p, hit)
    :: hit = 0
    fi
}

/* Look; take the turn; look again; compute, which may be within another computation; store, but
 * after an exception; give the turn up. A macro, since inlines cannot be nested in themselves. */
#define FLIGHT(p, hit, mine, compute)                                                              \
    mine = 0;                                                                                      \
    atomic { look_before(p, hit) };                                                                \
    if                                                                                             \
    :: hit                                                                                         \
    :: else ->                                                                                     \
        take_turn(p, mine);                                                                        \
        look_again(p, hit, mine);                                                                  \
        if                                                                                         \
        :: !hit ->                                                                                 \
            compute;                                                                               \
            if                                                                                     \
            :: store(p)                                                                            \
            :: skip                                                                                \
            fi                                                                                     \
        :: else                                                                                    \
        fi;                                                                                        \
        give_up_turn(p, mine)                                                                      \
    fi

/* Two renames under the lock on .versions/: the other version's directory out, one's own in. */
inline switch_version(v)
{
    if
    :: named == v
    :: else ->
        atomic { switching == NOBODY -> switching = me };
        if
        :: named == 1 - v -> named = 2
        :: else
        fi;
        named = v;
        switching = NOBODY
    fi
}

inline reset(p)
{
    p = 0;
    do
    :: atomic { p < PLACES -> version_in[p] = 0; p++ }
    :: atomic { p >= PLACES -> p = 0 }; break
    od
}

/* f(k), which calls f(1 - k), as another does at the same time the other way round. */
proctype nested(byte me; byte k)
{
    bit hit, mine, hit_within, mine_within;
    {
        FLIGHT(PLACE(0, k), hit, mine, FLIGHT(PLACE(0, 1 - k), hit_within, mine_within, skip))
    } unless { !alive[me] }
}

/* A call beside them, of this version or another, before which something is done to the results. */
proctype other(byte me; byte v)
{
    bit hit, mine;
    byte i;
    {
        switch_version(v);
        if
        :: version_in[PLACE(v, 0)] = 0 /* remove */
        :: reset(i)
        :: sweep(i)
        :: skip
        fi;
        FLIGHT(PLACE(v, 0), hit, mine, skip)
    } unless { !alive[me] }
}

/* Kills any process at any moment; and puts the entry of another key into a place, once. */
active proctype world()
{
    byte _i;
    byte p;
    atomic {
        p = 0;
        do
        :: p < PLACES -> turn[p] = NOBODY; p++
        :: else -> p = 0; break
        od;
        _i = 0;
        do
        :: _i < PROCESSES -> alive[_i] = 1; _i++
        :: else -> _i = 0; break
        od;
        run nested(0, 0);
        run nested(1, 1);
        if
        :: run other(2, 0)
        :: run other(2, 1)
        fi
    };
end:
    do
    :: atomic {
            deaths < DEATHS;
            select(_i : 0 .. PROCESSES - 1);
            alive[_i] = 0;
            waits[_i] = 0;
            deaths++;
            FREE(0);
            FREE(1);
            FREE(2);
            FREE(3);
            if
            :: switching == _i -> switching = NOBODY
            :: else
            fi;
            _i = 0
        }
    :: atomic {
            !foreign_was_put;
            foreign_was_put = 1;
            version_in[0] = 1;
            key_in[0] = 1
        }
    :: break
    od
}
