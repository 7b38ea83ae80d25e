package io.skerry.api;

/**
 * Counters of everything that devices sent.
 *
 * @param duplicatesRefused records that came again and were not counted again
 * @param missing records below the highest sequence that have not come (yet)
 * @param quarantined messages and records that could not be read
 * @param dropped records that devices say their spools had to drop
 */
public record TelemetryView(
    long samplesStored,
    long windowsStored,
    long feedbackStored,
    long eventsStored,
    long duplicatesRefused,
    long missing,
    long quarantined,
    long dropped) {}
