/* oneseal-ttp - one binary, several rooms: --room=NAME is how the parent starts the others. */
#include "ttp/room.h"

#include <string.h>

int main(int argc, char **argv)
{
    static const struct {
        const char *flag;
        int (*run)(void);
    } rooms[] = {{"--room=front", front_main},       {"--room=ledger", ledger_main},   {"--room=vault", vault_main},
                 {"--room=unsealer", unsealer_main}, {"--room=courier", courier_main}, {"--room=hall", hall_main},
                 {"--room=teller", teller_main}};
    for (size_t i = 0; i < LEN(rooms); i++)
        if (argc == 2 && strcmp(argv[1], rooms[i].flag) == 0)
            return rooms[i].run();
    return parent_main(argc, argv);
}
