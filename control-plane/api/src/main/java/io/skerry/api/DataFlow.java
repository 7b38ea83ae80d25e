package io.skerry.api;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How well data of one device, or of one cohort's devices together, came in.
 *
 * @param of a device's id or {@code attribute=value}
 * @param devices 1 for a device
 * @param expected windows in the time that is looked at: what came, what is known to be absent,
 *     and, of a device that is away, what passed since its last one, be that longer ago; a window
 *     without predictions is never sent
 * @param received of them; several that came as one count each
 * @param silent versions that run on devices online and of which nothing came for eight windows:
 *     they are asked nothing, or count no more
 * @param late of them, after their window had been judged
 * @param missing records that are known of and have not come; this, lost and duplicates are of a
 *     week and more, whatever the time that is looked at
 * @param lost records that never will: given up or damaged on the device
 * @param duplicates records that came again, and were counted once
 * @param quarantined records that could not be taken
 * @param mismatched of them, because they do not fit their model's monitoring manifest
 * @param samplesRefused samples that were chosen and not kept on the device, as its windows tell
 * @param skewMillis how far the clock is ahead, at least, or, below 0, how much the fastest window
 *     was behind its end; of a cohort the device furthest from 0
 * @param coverage share of predictions that were counted, 0 to 1; absent without predictions
 * @param anomalous predictions whose input was anomalous, of a batch its items, also of those that
 *     were not counted otherwise
 * @param anomalousShare of all predictions, 0 to 1; absent without predictions
 * @param lastAt when a window came last, also before the time that is looked at
 */
public record DataFlow(
    String of,
    int devices,
    long expected,
    long received,
    long silent,
    long late,
    long missing,
    long lost,
    long duplicates,
    long quarantined,
    long mismatched,
    long samplesRefused,
    @Nullable Long skewMillis,
    @Nullable Double coverage,
    long anomalous,
    @Nullable Double anomalousShare,
    @Nullable Instant lastAt) {}
