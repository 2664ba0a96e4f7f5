/* Run one kernel on an emulated processor, in the memory image of another process.

   driver IMAGE SYMBOL JOB THREAD: maps the regions of the file IMAGE at their own addresses, so that
   what is written to them is in the file, and calls the function SYMBOL of the kernels. The first page
   of the file lists the regions. The pointers in the image that stand for functions are addresses of
   small jumps, which are laid out here. TABLE, written beside the kernels, lists them. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

struct function { uint64_t at; void *code; const char *name; };
extern const struct function table[];
extern const int functions;

static void *map(uint64_t at, uint64_t bytes, int protection, int kind, int file, off_t from) {
    void *got = mmap((void *)at, bytes, protection, kind | MAP_FIXED, file, from);
    if (got != (void *)at) { perror("mmap"); exit(3); }
    return got;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    int file = open(words[1], O_RDWR);
    uint64_t *head = mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
    if (head == MAP_FAILED) { perror("image"); return 4; }
    off_t from = PAGE;
    for (uint64_t i = 0; i < head[0]; i++) {
        uint64_t at = head[1 + 2 * i], bytes = head[2 + 2 * i];
        map(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, from);
        from += bytes;
    }
    void (*kernel)(void *, int64_t) = 0;
    uint64_t page = 0;
    for (int i = 0; i < functions; i++) {
        if ((table[i].at & ~(PAGE - 1ull)) != page) {
            page = table[i].at & ~(PAGE - 1ull);
            map(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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
    return 0;
}
