package io.skerry.packager;

import io.skerry.artifact.OciLayout;
import io.skerry.packager.measure.Choice;
import java.util.Optional;

/**
 * A candidate of a profile as the report tells it.
 *
 * @param artifact where it was written; absent unless it won
 */
record Variant(String profile, Choice.Verdict verdict, Optional<OciLayout> artifact) {}
