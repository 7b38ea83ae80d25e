package io.skerry.control.training;

import io.skerry.api.RunMetrics;
import io.skerry.protocol.ModelVersion;
import java.nio.file.Path;

/**
 * Published while a run is being closed: whoever must keep its model does so now. An exception
 * makes the run fail.
 *
 * @param modelFile ONNX; gone some time after the run
 */
public record RunSucceeded(
    String run, ModelVersion version, String snapshot, Path modelFile, RunMetrics metrics) {}
