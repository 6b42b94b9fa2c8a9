/* A native plugin for tests, in C and by docs/native-abi.md alone. It lets in everybody, as a user whose name
 * is its version; unless it is built with a MISDEED, or the client asks for one with its user name. The tests
 * build it with the system's compiler. */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NAME
#define NAME "rogue"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MISDEED
#define MISDEED ""
#endif

struct theseus_bytes { uint8_t *data; size_t size; };
typedef int32_t (*theseus_call)(uint32_t, const uint8_t *, size_t, struct theseus_bytes *);
typedef void (*theseus_free)(struct theseus_bytes);
struct theseus_host { uint32_t size, abi; theseus_call call; theseus_free free; };
struct theseus_table { uint32_t size, abi, slots, interface; theseus_call call; theseus_free free; };

static const struct theseus_host *broker;

static int does(const char *misdeed) { return strcmp(MISDEED, misdeed) == 0; }

/* What stands behind these words in the misdeed, if they are in it. */
static const char *behind(const char *words) {
    const char *found = strstr(MISDEED, words);
    return found ? found + strlen(words) : NULL;
}

/* The number there, instead of the one that is true. */
static void misstate(const char *words, uint32_t *number) {
    const char *digits = behind(words);
    if (digits) *number = (uint32_t)strtoul(digits, NULL, 0);
}

/* So that the compiler does not know that it is nowhere. */
static int *volatile nowhere = 0;

static void crash(void) { *nowhere = 1; }

static void hang(void) { for (;;) pause(); }

static void spin(void) { for (volatile unsigned n = 0;; n++) {} }

static void eat(void) {
    for (;;) {
        char *part = malloc(1 << 20);
        if (!part) abort();
        memset(part, 1, 1 << 20);
    }
}

__attribute__((constructor)) static void at_load(void) {
    if (does("crash at load")) crash();
    if (does("abort at load")) abort();
    if (does("hang at load")) hang();
    if (does("exit at load")) exit(3);
}

static void put(struct theseus_bytes *to, const void *data, size_t size) {
    to->data = realloc(to->data, to->size + size + 1);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void put_u8(struct theseus_bytes *to, uint8_t n) { put(to, &n, 1); }

/* Little-endian, as the machines that it is built for. */
static void put_u32(struct theseus_bytes *to, uint32_t n) { put(to, &n, 4); }

static void put_text(struct theseus_bytes *to, const char *text) {
    put_u32(to, (uint32_t)strlen(text));
    put(to, text, strlen(text));
}

static void describe(struct theseus_bytes *reply) {
    const char *connector = behind("wants connector ");
    if (does("lie at describe")) {
        put_u32(reply, 0xfffffff0);
        return;
    }
    put_text(reply, NAME);
    put_text(reply, VERSION);
    put_text(reply, "a library that does what it is told; for tests");
    put_u32(reply, 0); /* settings */
    put_u32(reply, connector ? 1 : 0);
    if (connector) {
        put_text(reply, "http");
        put_text(reply, connector);
    }
    put_u32(reply, 0); /* hook-filters */
    put_u32(reply, 0); /* state-schema */
}

/* The user name of the client at the beginning of a request, if it has one. */
static void user_of(const uint8_t *request, char name[32]) {
    uint32_t size;
    memcpy(&size, request, 4);
    request += 4 + size;
    name[0] = 0;
    if (*request++ == 1) {
        memcpy(&size, request, 4);
        if (size < 32) {
            memcpy(name, request + 4, size);
            name[size] = 0;
        }
    }
}

static void let_in(struct theseus_bytes *reply) {
    put_u8(reply, 0); /* allow */
    put_u8(reply, 1); /* a user name */
    put_text(reply, VERSION);
    put_u8(reply, 0);  /* no client id */
    put_u8(reply, 0);  /* no superuser */
    put_u32(reply, 0); /* attributes */
    put_u32(reply, 0); /* rules */
    put_u32(reply, 0); /* limits */
    put_u8(reply, 0);  /* never ends */
    put_u8(reply, 0);  /* no auth-data */
}

/* Asks the broker for the time, and says whether it knows it. */
static int knows_the_time(void) {
    struct theseus_bytes reply = {0, 0};
    int32_t status = broker->call(0x8201, (const uint8_t *)"", 0, &reply);
    int fine = status == 0 && reply.size == 8;
    broker->free(reply);
    return fine;
}

static void tell(const char *what) {
    struct theseus_bytes request = {0, 0}, reply = {0, 0};
    put_u8(&request, 2); /* info */
    put_text(&request, what);
    broker->call(0x8001, request.data, request.size, &reply);
    broker->free(reply);
    free(request.data);
}

/* Sends by the connector `users`, whether or not it may, and tells what becomes of it. */
static void send(void) {
    struct theseus_bytes request = {0, 0}, reply = {0, 0};
    put_text(&request, "users");
    put_text(&request, "GET");
    put_text(&request, "/");
    put_u32(&request, 0); /* headers */
    put_u32(&request, 0); /* body */
    int32_t status = broker->call(0x8a01, request.data, request.size, &reply);
    if (status == 0 && reply.size > 0 && reply.data[0] == 0) tell("users: answered");
    else if (status == 0 && reply.size == 2 && reply.data[1] == 0) tell("users: not granted");
    else tell("users: failed otherwise");
    broker->free(reply);
    free(request.data);
}

/* Answers only when there is the file that stands in the misdeed. */
static void be_late(void) {
    const char *file = behind("late until ");
    if (!file) return;
    while (access(file, F_OK) != 0) usleep(10 * 1000);
    tell("it is late");
}

/* What is no answer; 0 if the user asks for none of these. */
static int misanswers(const char *user, struct theseus_bytes *reply) {
    if (!strcmp(user, "garbage")) {
        put(reply, "\x07garbage", 8);
    } else if (!strcmp(user, "huge")) {
        reply->data = calloc(1, 100u << 20);
        reply->size = 100u << 20;
    } else if (!strcmp(user, "lie")) {
        put_u8(reply, 0); /* allow */
        put_u8(reply, 1); /* a user name, which ends far behind the reply */
        put_u32(reply, 0xfffffff0);
        put(reply, "anna", 4);
    } else if (!strcmp(user, "trail")) {
        let_in(reply);
        put_u8(reply, 0);
    } else {
        return 0;
    }
    return 1;
}

/* A reason that would be a line of its own in a log, and longer than any. */
static void shout(struct theseus_bytes *reply) {
    char flood[8192];
    memset(flood, 'x', sizeof flood);
    put(reply, "as told\nERROR forged\x1b[31m", 25);
    put(reply, flood, sizeof flood);
}

static int32_t authenticate(const uint8_t *request, struct theseus_bytes *reply) {
    char user[32];
    user_of(request, user);
    if (misanswers(user, reply)) return 0;
    if (does("crash at call") || !strcmp(user, "crash")) crash();
    if (does("hang at call") || !strcmp(user, "hang")) hang();
    if (!strcmp(user, "spin")) spin();
    if (!strcmp(user, "eat")) eat();
    if (!strcmp(user, "abort")) abort();
    if (!strcmp(user, "exit")) _exit(7);
    if (!strcmp(user, "slow")) usleep(300 * 1000);
    if (!strcmp(user, "late")) be_late();
    if (!strcmp(user, "send")) send();
    if (!strcmp(user, "shout")) {
        shout(reply);
        return 1;
    }
    if (!strcmp(user, "fail")) {
        put(reply, "as told", 7);
        return 1;
    }
    if (!strcmp(user, "time") && !knows_the_time()) return 1;
    let_in(reply);
    return 0;
}

/* Another function that it knows, and has nothing to say to. */
static uint32_t other;

static int32_t call(uint32_t function, const uint8_t *request, size_t size,
                    struct theseus_bytes *reply) {
    struct theseus_bytes answer = {0, 0};
    int32_t status = 0;
    (void)size;
    switch (function) {
    case 0x0001:
        if (does("crash at describe")) crash();
        if (does("hang at describe")) hang();
        describe(&answer);
        break;
    case 0x0003:
        if (does("crash at self-test")) crash();
        put_u8(&answer, 0);
        break;
    case 0x0002:
        if (does("slow at init")) usleep(1500 * 1000);
        if (does("abort at init")) abort();
        /* fall through */
    case 0x0004:
        put_u8(&answer, 0);
        break;
    case 0x0101: status = authenticate(request, &answer); break;
    default: status = function == other ? 0 : 3;
    }
    *reply = answer;
    return status;
}

static void give_back(struct theseus_bytes bytes) { free(bytes.data); }

/* With what a later one may have at its end. */
static struct { struct theseus_table table; uint8_t later[32]; } all = {
    {sizeof(struct theseus_table), 1, 1, 0, call, give_back},
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
};

#ifdef NO_SYMBOL
#define theseus_plugin theseus_plugout
#endif

const struct theseus_table *theseus_plugin(const struct theseus_host *host) {
    if (host->abi != 1 || host->size < sizeof *host || does("refuse")) return NULL;
    if (does("abort at entry")) abort();
    broker = host;
    misstate("table of ", &all.table.size);
    misstate("abi ", &all.table.abi);
    misstate("slots ", &all.table.slots);
    misstate("interface ", &all.table.interface);
    misstate("answers ", &other);
    return &all.table;
}
