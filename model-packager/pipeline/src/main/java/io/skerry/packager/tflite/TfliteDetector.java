package io.skerry.packager.tflite;

import io.skerry.packager.graph.Graph;

/**
 * A float model that ends in TFLite's detection operator.
 *
 * @param graph what comes before it; its outputs are box encodings and scores
 */
public record TfliteDetector(Graph graph, DetectionEnd end) {}
