/*
 * SHA-256 (FIPS 180-4) of many rows in one call, and the Merkle root (RFC 9162) over them.
 *
 * One message alone keeps the processor waiting, since each round needs the one before. So two
 * are hashed side by side with the SHA instructions of x86-64; that takes all these can give.
 * A message is given in pieces that lie anywhere (a header, then a slice of each column): whole
 * blocks are hashed where they lie, and only the bytes around the seams are gathered.
 *
 * Nothing here knows Python. Nothing is allocated, and nothing is kept between calls.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { BLOCK = 64, DIGEST = 32, WORDS = 8, LANES = 2 };

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#define WITH_SHA __attribute__((target("sha,sse4.1")))

static const uint32_t FIRST[WORDS] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t K[64] __attribute__((aligned(64))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* -- what the processor can do ------------------------------------------------------------- */

/* Whether this processor has the instructions; if not, nothing else here may be called. */
EXPORT int origin_supported(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29)); /* SHA */
}

/* -- one or two messages, with the SHA instructions ----------------------------------------- */

/* The instructions keep the eight words as (a b e f) and (c d g h), the first one highest. */
INLINE WITH_SHA void load_state(const uint32_t *state, __m128i *abef, __m128i *cdgh)
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
    __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    *abef = _mm_alignr_epi8(cdab, efgh, 8);
    *cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

INLINE WITH_SHA void store_state(uint32_t *state, __m128i abef, __m128i cdgh)
{
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Four rounds of each message: w are its words t to t+3. */
#define FOUR_ROUNDS(t, w)                                                                  \
    do {                                                                                   \
        const __m128i k = _mm_load_si128((const __m128i *)(K + (t)));                      \
        __m128i sum[LANES];                                                               \
        for (int l = 0; l < lanes; l++)                                                    \
            sum[l] = _mm_add_epi32(w[l], k);                                               \
        for (int l = 0; l < lanes; l++)                                                    \
            cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], sum[l]);                     \
        for (int l = 0; l < lanes; l++)                                                    \
            abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], _mm_shuffle_epi32(sum[l], 0x0e)); \
    } while (0)

/* The words sixteen places on take the place of the words in `w`; x, y, z follow it. */
#define NEXT_WORDS(w, x, y, z)                                                             \
    do {                                                                                   \
        for (int l = 0; l < lanes; l++) {                                                  \
            __m128i part = _mm_sha256msg1_epu32(w[l], x[l]);                               \
            part = _mm_add_epi32(part, _mm_alignr_epi8(z[l], y[l], 4));                    \
            w[l] = _mm_sha256msg2_epu32(part, z[l]);                                       \
        }                                                                                  \
    } while (0)

INLINE WITH_SHA void compress_lanes(
    const int lanes, uint32_t *const *states, const uint8_t *const *at, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef[LANES], cdgh[LANES], first[LANES], second[LANES];
    __m128i p[LANES], q[LANES], r[LANES], s[LANES];
    for (int l = 0; l < lanes; l++)
        load_state(states[l], &abef[l], &cdgh[l]);
    for (size_t block = 0; block < blocks; block++) {
        for (int l = 0; l < lanes; l++) {
            const __m128i *words = (const __m128i *)(at[l] + BLOCK * block);
            p[l] = _mm_shuffle_epi8(_mm_loadu_si128(words), swap);
            q[l] = _mm_shuffle_epi8(_mm_loadu_si128(words + 1), swap);
            r[l] = _mm_shuffle_epi8(_mm_loadu_si128(words + 2), swap);
            s[l] = _mm_shuffle_epi8(_mm_loadu_si128(words + 3), swap);
            first[l] = abef[l];
            second[l] = cdgh[l];
        }
#pragma GCC unroll 4
        for (int t = 0; t < 48; t += 16) {
            FOUR_ROUNDS(t, p);
            NEXT_WORDS(p, q, r, s);
            FOUR_ROUNDS(t + 4, q);
            NEXT_WORDS(q, r, s, p);
            FOUR_ROUNDS(t + 8, r);
            NEXT_WORDS(r, s, p, q);
            FOUR_ROUNDS(t + 12, s);
            NEXT_WORDS(s, p, q, r);
        }
        FOUR_ROUNDS(48, p);
        FOUR_ROUNDS(52, q);
        FOUR_ROUNDS(56, r);
        FOUR_ROUNDS(60, s);
        for (int l = 0; l < lanes; l++) {
            abef[l] = _mm_add_epi32(abef[l], first[l]);
            cdgh[l] = _mm_add_epi32(cdgh[l], second[l]);
        }
    }
    for (int l = 0; l < lanes; l++)
        store_state(states[l], abef[l], cdgh[l]);
}

static WITH_SHA void compress_one(uint32_t *state, const uint8_t *at, size_t blocks)
{
    compress_lanes(1, &state, &at, blocks);
}

static WITH_SHA void compress_two(uint32_t *const *states, const uint8_t *const *at, size_t blocks)
{
    compress_lanes(2, states, at, blocks);
}

/* -- messages in pieces --------------------------------------------------------------------- */

/* What is to be hashed: rows of a table, or strings of any length. */
typedef struct {
    const uint8_t *header; /* of each row: what is left of it after whole blocks */
    size_t header_bytes;
    const uint8_t *const *columns; /* of a table; for strings, one address for each */
    const size_t *widths;          /* of a table's columns; for strings, the length of each */
    size_t columns_count;          /* 0 for strings */
    size_t count;
    uint32_t begun[WORDS]; /* the state after the header's whole blocks */
    uint64_t begun_bytes;
    size_t next; /* the first message that no lane has taken yet */
    uint8_t *out;
} job;

/* A message on its way through the rounds. */
typedef struct {
    const uint8_t *at; /* the blocks to hash next */
    size_t blocks;
    const uint8_t *rest; /* what is left of the current piece */
    size_t rest_bytes;
    size_t pieces; /* how many of its pieces were begun, the header not counted */
    size_t index;
    uint64_t bytes; /* of the whole message, as far as it was looked at */
    int is_last;    /* whether these blocks end the message */
    uint32_t state[WORDS];
    uint8_t seam[2 * BLOCK];
} lane;

/* The next piece that is not empty; 0 at the end of the message. */
INLINE int next_piece(const job *all, lane *own)
{
    while (!own->rest_bytes) {
        size_t piece = own->pieces;
        if (piece == (all->columns_count ? all->columns_count : 1))
            return 0;
        own->pieces++;
        if (all->columns_count) {
            own->rest_bytes = all->widths[piece];
            own->rest = all->columns[piece] + own->index * all->widths[piece];
        } else {
            own->rest_bytes = all->widths[own->index];
            own->rest = all->columns[own->index];
        }
        own->bytes += own->rest_bytes;
    }
    return 1;
}

static void finish_message(lane *own, size_t held)
{
    size_t blocks = held < BLOCK - 8 ? 1 : 2;
    uint64_t bits = own->bytes * 8;
    own->seam[held] = 0x80;
    memset(own->seam + held + 1, 0, blocks * BLOCK - held - 1);
    for (int i = 1; i <= 8; i++, bits >>= 8)
        own->seam[blocks * BLOCK - i] = (uint8_t)bits;
    own->at = own->seam;
    own->blocks = blocks;
    own->is_last = 1;
}

/* Point to the next blocks: where they lie if they are whole, else gathered around a seam. */
static void next_blocks(const job *all, lane *own)
{
    size_t held = 0;
    while (next_piece(all, own)) {
        size_t taken = own->rest_bytes;
        if (!held && taken >= BLOCK) {
            own->at = own->rest;
            own->blocks = taken / BLOCK;
            taken = own->blocks * BLOCK;
            own->rest += taken;
            own->rest_bytes -= taken;
            return;
        }
        if (taken > BLOCK - held)
            taken = BLOCK - held;
        memcpy(own->seam + held, own->rest, taken);
        held += taken;
        own->rest += taken;
        own->rest_bytes -= taken;
        if (held == BLOCK) {
            own->at = own->seam;
            own->blocks = 1;
            return;
        }
    }
    finish_message(own, held);
}

/* Take the next message; 0 when there is none. */
static int begin_message(job *all, lane *own)
{
    if (all->next == all->count)
        return 0;
    own->index = all->next++;
    own->rest = all->header;
    own->rest_bytes = all->header_bytes;
    own->bytes = all->begun_bytes + all->header_bytes;
    own->pieces = 0;
    own->is_last = 0;
    memcpy(own->state, all->begun, sizeof own->state);
    next_blocks(all, own);
    return 1;
}

INLINE void write_word(uint8_t *out, uint32_t word)
{
    word = __builtin_bswap32(word);
    memcpy(out, &word, 4);
}

static void write_digest(uint8_t *out, const uint32_t *state)
{
    for (int i = 0; i < WORDS; i++)
        write_word(out + 4 * i, state[i]);
}

/* -- running the lanes ---------------------------------------------------------------------- */

/* The blocks of a lane are hashed: go on in its message or in the next; 0 if there is none. */
INLINE int advance(job *all, lane *own, size_t blocks)
{
    own->at += BLOCK * blocks;
    own->blocks -= blocks;
    if (own->blocks)
        return 1;
    if (!own->is_last) {
        next_blocks(all, own);
        return 1;
    }
    write_digest(all->out + DIGEST * own->index, own->state);
    return begin_message(all, own);
}

static void run(job *all)
{
    lane one, other, *left = &one;
    int has_one = begin_message(all, &one), has_other = begin_message(all, &other);
    while (has_one && has_other) {
        uint32_t *states[LANES] = {one.state, other.state};
        const uint8_t *at[LANES] = {one.at, other.at};
        size_t blocks = one.blocks < other.blocks ? one.blocks : other.blocks;
        compress_two(states, at, blocks);
        has_one = advance(all, &one, blocks);
        has_other = advance(all, &other, blocks);
    }
    if (has_other)
        left = &other;
    while (has_one || has_other) {
        compress_one(left->state, left->at, left->blocks);
        has_one = has_other = advance(all, left, left->blocks);
    }
}

/* -- Merkle trees --------------------------------------------------------------------------- */

/* SHA-256(prefix || part) of parts of 32 or 64 bytes that lie end to end; `out` may be `in`. */
static void hash_parts(
    uint8_t prefix, const uint8_t *in, size_t part_bytes, size_t count, uint8_t *out)
{
    uint8_t messages[LANES][2 * BLOCK];
    size_t blocks = part_bytes == DIGEST ? 1 : 2, bits = 8 * (1 + part_bytes);
    memset(messages, 0, sizeof messages);
    for (int l = 0; l < LANES; l++) {
        messages[l][0] = prefix;
        messages[l][1 + part_bytes] = 0x80;
        messages[l][BLOCK * blocks - 2] = (uint8_t)(bits >> 8);
        messages[l][BLOCK * blocks - 1] = (uint8_t)bits;
    }
    for (size_t done = 0; done < count; done += LANES) {
        int now = count - done < LANES ? 1 : LANES;
        uint32_t states[LANES][WORDS], *at_states[LANES] = {states[0], states[1]};
        const uint8_t *at[LANES] = {messages[0], messages[1]};
        for (int l = 0; l < now; l++) {
            memcpy(messages[l] + 1, in + (done + l) * part_bytes, part_bytes);
            memcpy(states[l], FIRST, sizeof FIRST);
        }
        if (now == LANES)
            compress_two(at_states, at, blocks);
        else
            compress_one(states[0], at[0], blocks);
        for (int l = 0; l < now; l++)
            write_digest(out + (done + l) * DIGEST, states[l]);
    }
}

/*
 * The root of the RFC 9162 tree over leaves of 32 bytes each, of which there is at least one.
 * `scratch` has room for as many bytes as the leaves; the root ends up in its first 32.
 */
EXPORT void origin_root(const uint8_t *leaves, size_t count, uint8_t *scratch)
{
    hash_parts(0, leaves, DIGEST, count, scratch);
    while (count > 1) {
        size_t pairs = count / 2;
        hash_parts(1, scratch, 2 * DIGEST, pairs, scratch);
        if (count & 1) /* an odd last node is lifted unchanged */
            memmove(scratch + DIGEST * pairs, scratch + DIGEST * (count - 1), DIGEST);
        count = pairs + (count & 1);
    }
}

/* -- the doors ------------------------------------------------------------------------------ */

/*
 * Each of these is given count > 0 messages and has room for 64 * count bytes in `out`: 32 for
 * the digest of each, in order, then 32 for the root over them; the rest is scratch.
 */
static void run_to_root(job *all)
{
    memcpy(all->begun, FIRST, sizeof FIRST);
    size_t whole = all->header_bytes / BLOCK * BLOCK;
    if (whole) {
        compress_one(all->begun, all->header, whole / BLOCK);
        all->begun_bytes = whole;
        all->header += whole;
        all->header_bytes -= whole;
    }
    run(all);
    origin_root(all->out, all->count, all->out + DIGEST * all->count);
}

/*
 * The rows of a table: a header, then the row's slice of each column. There is at least one
 * column, and column c holds count * widths[c] bytes.
 */
EXPORT void origin_rows(
    const uint8_t *header, size_t header_bytes, const uint8_t *const *columns,
    const size_t *widths, size_t columns_count, size_t count, uint8_t *out)
{
    job all = {.header = header, .header_bytes = header_bytes, .columns = columns,
               .widths = widths, .columns_count = columns_count, .count = count, .out = out};
    run_to_root(&all);
}

/* Strings that lie anywhere. */
EXPORT void origin_strings(
    const uint8_t *const *strings, const size_t *lengths, size_t count, uint8_t *out)
{
    job all = {.columns = strings, .widths = lengths, .count = count, .out = out};
    run_to_root(&all);
}

#else /* another processor or compiler */

EXPORT int origin_supported(void) { return 0; }

#endif
