/* Run one kernel on an emulated processor, in the memory image of another process.

   driver IMAGE SYMBOL JOB THREAD: maps the regions of the file IMAGE at their own addresses, calls the
   function SYMBOL of the kernels, and writes the regions back. The pointers in the image that stand
   for functions are addresses of small jumps, which are laid out here. TABLE, written beside the
   kernels, lists them. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct function { uint64_t at; void *code; const char *name; };
extern const struct function table[];
extern const int functions;

static void *map(uint64_t at, uint64_t bytes, int protection) {
    void *got = mmap((void *)at, bytes, protection, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    if (got != (void *)at) { perror("mmap"); exit(3); }
    return got;
}

static void all(ssize_t (*move)(int, void *, size_t), int file, void *at, uint64_t bytes) {
    while (bytes) {
        ssize_t part = move(file, at, bytes);
        if (part <= 0) { perror("image"); exit(4); }
        at = (char *)at + part;
        bytes -= part;
    }
}

static ssize_t put(int file, void *at, size_t bytes) { return write(file, at, bytes); }

int main(int count, char **words) {
    if (count != 5) return 2;
    int file = open(words[1], O_RDWR);
    uint64_t regions;
    all(read, file, &regions, 8);
    uint64_t(*list)[2] = malloc(16 * regions);
    all(read, file, list, 16 * regions);
    for (uint64_t i = 0; i < regions; i++)
        all(read, file, map(list[i][0], list[i][1], PROT_READ | PROT_WRITE), list[i][1]);
    void (*kernel)(void *, int64_t) = 0;
    uint64_t page = 0;
    for (int i = 0; i < functions; i++) {
        if ((table[i].at & ~0xfffull) != page) {
            page = table[i].at & ~0xfffull;
            map(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        }
        uint32_t *jump = (uint32_t *)table[i].at;
        jump[0] = 0x58000050; /* ldr x16, #8 */
        jump[1] = 0xd61f0200; /* br x16 */
        memcpy(jump + 2, &table[i].code, 8);
        __builtin___clear_cache((char *)jump, (char *)(jump + 4));
        if (!strcmp(table[i].name, words[2])) *(void **)&kernel = table[i].code;
    }
    if (!kernel) return 5;
    kernel((void *)strtoull(words[3], 0, 0), strtoll(words[4], 0, 0));
    lseek(file, 8 + 16 * regions, SEEK_SET);
    for (uint64_t i = 0; i < regions; i++) all(put, file, (void *)list[i][0], list[i][1]);
    return 0;
}
