/**
 * From an incident to a challenger: what devices collected since its onset, joined with outcomes,
 * grows the model's own training data; the new model must win on held-out devices of the cohort.
 *
 * <p>Start at {@link io.skerry.control.pipeline.Retrainings}.
 */
@NullMarked
package io.skerry.control.pipeline;

import org.jspecify.annotations.NullMarked;
