/* The limit: what a plain C program makes of the same work, one core, one token after the other.
 *
 * Written for comparison only; the product has no compiled part. It is handed the tables of the ciphers
 * in limit_tables.h, which bench/limit.py writes, and prints "name seconds-per-token checksum" lines;
 * the checksums are compared with the tokens Python makes, so that nobody measures wrong tokens.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "limit_tables.h" /* STA_S1 ... MISTY_S9, SHA_K, SHA_START, DES_PC1 ... DES_IP, CRC_POLY, VK8, VK20 */

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;

/* ---- STA: per byte and its two key bits, substitution and permutation fused ---- */
static u64 sta_there[8][4][256], sta_back[8][4][256], perm_there[8][256], perm_back[8][256];

static u64 permuted(u64 block, const u8 *perm) {
    u64 out = 0;
    for (int i = 0; i < 64; i++) out |= (block >> i & 1) << perm[i];
    return out;
}

static void sta_prepare(void) {
    u8 inverse[64], i1[16], i2[16];
    for (int i = 0; i < 64; i++) inverse[STA_PERM[i]] = i;
    for (int i = 0; i < 16; i++) i1[STA_S1[i]] = i, i2[STA_S2[i]] = i;
    for (int lane = 0; lane < 8; lane++)
        for (int byte = 0; byte < 256; byte++) {
            perm_there[lane][byte] = permuted((u64)byte << 8 * lane, STA_PERM);
            perm_back[lane][byte] = permuted((u64)byte << 8 * lane, inverse);
            for (int key = 0; key < 4; key++) {
                u64 low = (key & 1 ? STA_S2 : STA_S1)[byte & 15], high = (key & 2 ? STA_S2 : STA_S1)[byte >> 4];
                sta_there[lane][key][byte] = permuted((low | high << 4) << 8 * lane, STA_PERM);
                low = (key & 1 ? i1 : i2)[byte & 15], high = (key & 2 ? i1 : i2)[byte >> 4];
                sta_back[lane][key][byte] = permuted((low | high << 4) << 8 * lane, inverse);
            }
        }
}

static u64 eight(u64 block, u64 table[8][256]) {
    u64 out = 0;
    for (int lane = 0; lane < 8; lane++) out |= table[lane][block >> 8 * lane & 255];
    return out;
}

static u64 sta_encrypt(u64 key, u64 block) {
    key = ~key;
    key = key >> 12 | key << 52;
    for (int n = 0; n < 16; n++) {
        u64 out = 0;
        for (int lane = 0; lane < 8; lane++) {
            unsigned k = key >> (8 * lane + 3);
            out |= sta_there[lane][(k & 1) | (k >> 3 & 2)][block >> 8 * lane & 255];
        }
        block = out;
        key = key << 1 | key >> 63;
    }
    return block;
}

static u64 sta_decrypt(u64 key, u64 block) {
    block = eight(block, perm_back);
    for (int n = 0; n < 16; n++) {
        u64 out = 0;
        for (int lane = 0; lane < 8; lane++) {
            unsigned k = key >> 8 * lane;
            out |= sta_back[lane][(k & 1) | (k >> 3 & 2)][block >> 8 * lane & 255];
        }
        block = out;
        key = key >> 1 | key << 63;
    }
    return eight(block, perm_there);
}

/* ---- MISTY1: FI(x, k) = after[before[x] ^ k] ---- */
static u16 before[65536], after[65536];
#define FI(x, k) after[before[(u16)(x)] ^ (k)]

static void misty_prepare(void) {
    for (int x = 0; x < 65536; x++) {
        u16 nine = MISTY_S9[x >> 7] ^ (x & 127);
        before[x] = (MISTY_S7[x & 127] ^ (nine & 127)) << 9 | nine;
        after[x] = (x >> 9) << 9 | (MISTY_S9[x & 511] ^ x >> 9);
    }
}

static void misty_schedule(const u8 *key, u16 *k, u16 *j) {
    for (int i = 0; i < 8; i++) k[i] = k[i + 8] = key[2 * i] << 8 | key[2 * i + 1];
    for (int i = 0; i < 8; i++) j[i] = j[i + 8] = FI(k[i], k[i + 1]);
}

static u32 fo(u32 word, int n, const u16 *k, const u16 *j) {
    u16 high = word >> 16, low = word;
    high = FI(high ^ k[n], j[n + 5]) ^ low;
    low = FI(low ^ k[n + 2], j[n + 1]) ^ high;
    high = FI(high ^ k[n + 7], j[n + 3]) ^ low;
    return (u32)(u16)(low ^ k[n + 4]) << 16 | high;
}

static u32 fl(u32 word, int n, const u16 *k, const u16 *j, int inverse) {
    u16 a = n & 1 ? j[n / 2 + 2] : k[n / 2], b = n & 1 ? k[n / 2 + 4] : j[n / 2 + 6];
    u16 high = word >> 16, low = word;
    if (inverse) high ^= low | b, low ^= high & a;
    else low ^= high & a, high ^= low | b;
    return (u32)high << 16 | low;
}

static u64 misty_encrypt(const u8 *key, u64 block) {
    u16 k[16], j[16];
    misty_schedule(key, k, j);
    u32 left = block >> 32, right = block;
    for (int n = 0; n < 8; n += 2) {
        left = fl(left, n, k, j, 0), right = fl(right, n + 1, k, j, 0);
        right ^= fo(left, n, k, j);
        left ^= fo(right, n + 1, k, j);
    }
    return (u64)fl(right, 9, k, j, 0) << 32 | fl(left, 8, k, j, 0);
}

static u64 misty_decrypt(const u8 *key, u64 block) {
    u16 k[16], j[16];
    misty_schedule(key, k, j);
    u32 left = fl(block, 8, k, j, 1), right = fl(block >> 32, 9, k, j, 1);
    for (int n = 6; n >= 0; n -= 2) {
        left ^= fo(right, n + 1, k, j);
        right ^= fo(left, n, k, j);
        left = fl(left, n, k, j, 1), right = fl(right, n + 1, k, j, 1);
    }
    return (u64)left << 32 | right;
}

/* ---- HMAC-SHA-256 goes on from two prepared states ---- */
#include "limit_sha.h"

static u32 hmac_inner[8], hmac_outer[8];

static void hmac_prepare(void) {
    u8 pad[64];
    for (int outer = 0; outer < 2; outer++) {
        memset(pad, outer ? 0x5C : 0x36, 64);
        for (int i = 0; i < 20; i++) pad[i] ^= VK20[i];
        u32 *state = outer ? hmac_outer : hmac_inner;
        memcpy(state, SHA_START, 32);
        sha_block(state, pad);
    }
}

static void dkga04(const char *pan, int krn, u8 *key) {
    u8 block[64] = "\x04\x02" "04" "\x02" "14" "\x02" "11" "\x02" "01" "\x00" "\x04\x06" "201457" "\x01" "2" "\x01" "1" "\x12";
    u32 state[8];
    block[25] = '0' + krn;
    memcpy(block + 27, pan, 18);
    block[48] = 0x80;
    block[49] = 0x80;                       /* padding begins */
    u64 bits = (64 + 49) * 8;
    block[62] = bits >> 8, block[63] = bits;
    memcpy(state, hmac_inner, 32);
    sha_block(state, block);
    memset(block, 0, 64);
    for (int i = 0; i < 32; i++) block[i] = state[i / 4] >> (24 - 8 * (i % 4));
    block[32] = 0x80;
    bits = (64 + 32) * 8;
    block[62] = bits >> 8, block[63] = bits;
    memcpy(state, hmac_outer, 32);
    sha_block(state, block);
    for (int i = 0; i < 16; i++) key[i] = state[i / 4] >> (24 - 8 * (i % 4));
}

/* ---- DES (FIPS 46-3), tables fused with P at start; the key schedule is made once ---- */
static u32 des_sp[8][64];
static u8 des_keys[16][8];
static u64 des_ip[8][256], des_fp[8][256];

static void des_prepare(void) {
    static const u8 rotations[16] = {1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1};
    u8 pc[56];
    for (int i = 0; i < 56; i++) pc[i] = VK8[(DES_PC1[i] - 1) / 8] >> (7 - (DES_PC1[i] - 1) % 8) & 1;
    for (int round = 0, turned = 0; round < 16; round++) {
        turned += rotations[round];
        for (int i = 0; i < 48; i++) {
            int from = DES_PC2[i] - 1;
            int bit = from < 28 ? pc[(from + turned) % 28] : pc[28 + (from - 28 + turned) % 28];
            des_keys[round][i / 6] |= bit << (5 - i % 6);
        }
    }
    for (int box = 0; box < 8; box++)
        for (int in = 0; in < 64; in++) {
            int row = (in >> 4 & 2) | (in & 1), column = in >> 1 & 15;
            u32 out = (u32)DES_S[64 * box + 16 * row + column] << (28 - 4 * box);
            for (int i = 0; i < 32; i++) des_sp[box][in] |= (out >> (32 - DES_P[i]) & 1) << (31 - i);
        }
    for (int byte = 0; byte < 8; byte++)
        for (int value = 0; value < 256; value++) {
            u64 word = (u64)value << (56 - 8 * byte);
            for (int i = 0; i < 64; i++) {
                des_ip[byte][value] |= (word >> (64 - DES_IP[i]) & 1) << (63 - i);
                des_fp[byte][value] |= (word >> (63 - i) & 1) << (64 - DES_IP[i]);
            }
        }
}

static u64 des(u64 block) {
    u64 word = 0, out = 0;
    for (int i = 0; i < 8; i++) word |= des_ip[i][block >> (56 - 8 * i) & 255];
    u32 left = word >> 32, right = word;
    for (int round = 0; round < 16; round++) {
        u64 wide = (u64)(right & 1) << 33 | (u64)right << 1 | right >> 31; /* E, read six bits at a time */
        u32 mixed = 0;
        for (int box = 0; box < 8; box++)
            mixed |= des_sp[box][(wide >> (28 - 4 * box) & 63) ^ des_keys[round][box]];
        u32 next = left ^ mixed;
        left = right, right = next;
    }
    word = (u64)right << 32 | left;
    for (int i = 0; i < 8; i++) out |= des_fp[i][word >> (56 - 8 * i) & 255];
    return out;
}

static u64 dkga02(const char *pan, int krn) {
    u64 block = 0, vk = 0;
    for (int i = 1; i < 17; i++) block = block << 4 | (pan[i] & 15);
    for (int i = 0; i < 8; i++) vk = vk << 8 | VK8[i];
    block ^= 0x2123456010FFFFFFULL | (u64)krn << 24;
    return des(block) ^ block ^ vk;
}

/* ---- the token ---- */
static u16 crc_word[3][65536], crc_start[4];

static u16 crc_register(const u8 *bytes, u16 crc) {
    for (int i = 0; i < 7; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? CRC_POLY : 0);
    }
    return crc << 8 | crc >> 8;
}

static void crc_prepare(void) {
    u8 bytes[7] = {0};
    u16 zero = crc_register(bytes, 0xFFFF);
    for (int c = 0; c < 4; c++) bytes[0] = c, crc_start[c] = crc_register(bytes, 0xFFFF);
    bytes[0] = 0;
    for (int word = 0; word < 3; word++)
        for (int value = 0; value < 65536; value++) {
            memset(bytes, 0, 7);
            bytes[1 + 2 * word] = value >> 8, bytes[2 + 2 * word] = value;
            crc_word[word][value] = crc_register(bytes, 0xFFFF) ^ zero;
        }
}

static u64 sealed(int class, u64 data) {
    return data << 16 | (u16)(crc_start[class] ^ crc_word[0][data >> 32] ^ crc_word[1][data >> 16 & 65535] ^
                              crc_word[2][data & 65535]);
}

static void to_digits(int class, u64 block, char *digits) {
    unsigned __int128 number = (unsigned __int128)(block >> 27 & 3) << 64;
    number |= (block & ~(3ULL << 27)) | (u64)class << 27;
    u64 upper = number / 10000000000ULL, lower = number - (unsigned __int128)upper * 10000000000ULL;
    for (int i = 19; i >= 10; i--) digits[i] = '0' + lower % 10, lower /= 10;
    for (int i = 9; i >= 0; i--) digits[i] = '0' + upper % 10, upper /= 10;
}

static int from_digits(const char *digits, u64 *block) {
    unsigned __int128 number = 0;
    for (int i = 0; i < 20; i++) number = number * 10 + (digits[i] - '0');
    *block = ((u64)number & ~(3ULL << 27)) | (u64)(number >> 64) << 27;
    return (u64)number >> 27 & 3;
}

static u64 units(u64 tenths) {
    static const u64 offset[4] = {0, 16384, 180224, 1818624}, step[4] = {1, 10, 100, 1000};
    for (u64 e = 0;; e++) {
        u64 m = tenths <= offset[e] ? 0 : (tenths - offset[e] + step[e] - 1) / step[e];
        if (m < 16384) return e << 14 | m;
    }
}

static u64 credit(u64 at) { return 5ULL << 40 | (6000000 + at % 1000) << 16 | units(at % 300000); }

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    int count = atoi(argv[1]), repeats = atoi(argv[2]);
    char(*pans)[18] = malloc(18UL * count), (*out)[80] = malloc(80UL * count);
    u64 *short_keys = malloc(8UL * count);
    u8(*long_keys)[16] = malloc(16UL * count);
    FILE *file = fopen(argv[3], "rb");
    if (argc < 4 || !file || fread(pans, 18, count, file) != (size_t)count) return 1;
    sta_prepare(), misty_prepare(), hmac_prepare(), des_prepare(), crc_prepare();
    static const char *names[6] = {"credit07", "credit11", "decode07", "decode11", "change07", "change11"};
    static const int width[6] = {20, 20, 0, 0, 40, 80};
    for (int work = 0; work < 6; work++) {
        double best = 1e9;
        u64 sum = 0;
        if (work == 2 || work == 3) /* the tokens to read: those of work 0 and 1 */
            for (int i = 0; i < count; i++) {
                u64 block = sealed(0, credit(i));
                to_digits(0, work == 2 ? sta_encrypt(short_keys[i], block) : misty_encrypt(long_keys[i], block), out[i]);
            }
        for (int repeat = 0; repeat < repeats; repeat++) {
            double start = seconds();
            sum = 0;
            for (int i = 0; i < count; i++) {
                u64 block;
                u8 fresh[16];
                if (work == 0) {
                    short_keys[i] = dkga02(pans[i], 1);
                    to_digits(0, sta_encrypt(short_keys[i], sealed(0, credit(i))), out[i]);
                } else if (work == 1) {
                    dkga04(pans[i], 1, long_keys[i]);
                    to_digits(0, misty_encrypt(long_keys[i], sealed(0, credit(i))), out[i]);
                } else if (work < 4) {
                    int class = from_digits(out[i], &block);
                    block = work == 2 ? sta_decrypt(short_keys[i], block) : misty_decrypt(long_keys[i], block);
                    sum += sealed(class, block >> 16) == block ? block : 0;
                } else if (work == 4) {
                    u64 old = dkga02(pans[i], 1), new = dkga02(pans[i], 2);
                    to_digits(2, sta_encrypt(old, sealed(2, 0x3F2200000000ULL | new >> 32)), out[i]);
                    to_digits(2, sta_encrypt(old, sealed(2, 0x4F0100000000ULL | (u32)new)), out[i] + 20);
                } else {
                    u8 old[16];
                    static const u64 heads[4] = {0x3F2200000000ULL, 0x4F0100000000ULL, 0x82F100000000ULL, 0x903100000000ULL};
                    static const int words[4] = {0, 3, 1, 2};
                    dkga04(pans[i], 1, old), dkga04(pans[i], 2, fresh);
                    for (int part = 0; part < 4; part++) {
                        const u8 *w = fresh + 4 * words[part];
                        u32 word = (u32)w[0] << 24 | w[1] << 16 | w[2] << 8 | w[3];
                        to_digits(2, misty_encrypt(old, sealed(2, heads[part] | word)), out[i] + 20 * part);
                    }
                }
            }
            double took = seconds() - start;
            if (took < best) best = took;
        }
        for (int i = 0; i < count; i++)
            for (int at = 0; at < width[work]; at++) sum = sum * 31 + out[i][at];
        printf("%s %.12f %llu\n", names[work], best / count, (unsigned long long)sum);
    }
    return 0;
}
