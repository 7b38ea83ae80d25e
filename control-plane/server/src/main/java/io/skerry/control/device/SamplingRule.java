package io.skerry.control.device;

import io.skerry.protocol.ModelName;
import io.skerry.protocol.SlotId;
import java.util.Optional;

/**
 * Which devices sample more often than they were ordered.
 *
 * @param labels that a device must have, as a JSON object
 * @param profile that it must have, if any
 * @param factor how much more often, from 1
 */
public record SamplingRule(
    SlotId slot, ModelName model, String labels, Optional<String> profile, double factor) {}
