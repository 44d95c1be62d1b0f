#include <stdbool.h>
#include <stddef.h>

#define RING_SIZE 64

struct ring {
    int values[RING_SIZE];
    size_t head;
    size_t count;
};

bool ring_push(struct ring *ring, int value)
{
    if (ring->count == RING_SIZE)
        return false;
    ring->values[(ring->head + ring->count) % RING_SIZE] = value;
    ring->count++;
    return true;
}
