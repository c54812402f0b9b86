/* The most multiplications and additions one core can do in float and in 8-bit integers: chains of
 * independent accumulators that never touch memory. Each function returns how many operations it did
 * (a multiplication and an addition are two), and its time is taken by the caller. */

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
#endif

enum { CHAINS = 12 };
volatile float float_sink;
volatile int int_sink;

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float floats __attribute__((vector_size(4 * LANES)));

double fp32_peak(long rounds)
{
    floats sum[CHAINS], factor, term;
    for (int lane = 0; lane < LANES; lane++) {
        factor[lane] = 0.999f;
        term[lane] = 1e-3f * (float)rounds;
    }
    for (int chain = 0; chain < CHAINS; chain++)
        sum[chain] = term + (float)chain;
    for (long round = 0; round < rounds; round++)
        for (int chain = 0; chain < CHAINS; chain++)
            sum[chain] = sum[chain] * factor + term;
    for (int chain = 1; chain < CHAINS; chain++)
        sum[0] += sum[chain];
    float_sink = sum[0][0];
    return 2.0 * LANES * CHAINS * rounds;
}

#if defined(__AVX512VNNI__)
const char *int8_instruction(void) { return "AVX-512 VNNI"; }
typedef __m512i integers;
enum { BYTES = 64 };
static inline integers dot(integers sum, integers a, integers b) { return _mm512_dpbusd_epi32(sum, a, b); }
static inline integers same(char byte) { return _mm512_set1_epi8(byte); }
#elif defined(__AVXVNNI__)
const char *int8_instruction(void) { return "AVX VNNI"; }
typedef __m256i integers;
enum { BYTES = 32 };
static inline integers dot(integers sum, integers a, integers b) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
static inline integers same(char byte) { return _mm256_set1_epi8(byte); }
#elif defined(__AVX2__)
const char *int8_instruction(void) { return "AVX2 without VNNI: three instructions for one"; }
typedef __m256i integers;
enum { BYTES = 32 };
static inline integers dot(integers sum, integers a, integers b)
{
    __asm__("" : "+x"(a)); /* else the products, the same in each round, would be computed once */
    integers pairs = _mm256_maddubs_epi16(a, b);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
static inline integers same(char byte) { return _mm256_set1_epi8(byte); }
#elif defined(__ARM_FEATURE_DOTPROD)
const char *int8_instruction(void) { return "NEON dot product"; }
typedef int32x4_t integers;
enum { BYTES = 16 };
static inline integers dot(integers sum, integers a, integers b)
{
    return vdotq_s32(sum, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b));
}
static inline integers same(char byte) { return vreinterpretq_s32_s8(vdupq_n_s8(byte)); }
#else
#define NO_INT8
const char *int8_instruction(void) { return ""; }
double int8_peak(long rounds) { (void)rounds; return 0; }
#endif

#ifndef NO_INT8
double int8_peak(long rounds)
{
    integers sum[CHAINS], a = same(3), b = same((char)(rounds & 1));
    for (int chain = 0; chain < CHAINS; chain++)
        sum[chain] = same((char)chain);
    for (long round = 0; round < rounds; round++)
        for (int chain = 0; chain < CHAINS; chain++)
            sum[chain] = dot(sum[chain], a, b);
    int total = 0;
    for (int chain = 0; chain < CHAINS; chain++)
        total += (int)sum[chain][0];
    int_sink = total;
    return 2.0 * BYTES * CHAINS * rounds;
}
#endif
