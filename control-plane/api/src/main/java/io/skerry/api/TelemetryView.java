package io.skerry.api;

/**
 * Counters of everything that devices sent.
 *
 * @param duplicatesRefused records that came again and were not counted again
 * @param missing records below the highest sequence that have not come (yet), and of which their
 *     device said nothing
 * @param quarantined messages and records that could not be read
 * @param heldBack batches that were left on their devices because a tenant's key could not be read;
 *     a batch counts each time that it came
 * @param dropped records that devices say their spools had to drop, whether or not they came before
 * @param givenUp records that never came and never will, because they were dropped
 * @param damaged records that never came and never will, because they were damaged on their
 *     device's disk
 * @param erased records that came after their device or subject was erased: they were taken, and
 *     dropped
 */
public record TelemetryView(
    long samplesStored,
    long windowsStored,
    long feedbackStored,
    long eventsStored,
    long duplicatesRefused,
    long missing,
    long quarantined,
    long heldBack,
    long dropped,
    long givenUp,
    long damaged,
    long erased) {}
