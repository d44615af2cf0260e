/* unsealer_tpm2.h - a TPM 2.0 behind one open descriptor: /dev/tpmrm0, or the socket of a simulator. Commands go out
 * and answers come in as they are (TPM 2.0 Part 1, 31); nothing is opened here, so that it works in a cell. */
#ifndef TTP_UNSEALER_TPM2_H
#define TTP_UNSEALER_TPM2_H

#include <tss2/tss2_tcti.h>

/* A transmission interface over fd, for Esys_Initialize. One a process; the descriptor stays the caller's. */
TSS2_TCTI_CONTEXT *unsealer_tpm2_over(int fd);

#endif
