/**
 * What devices send: stored once each, told back as committed, published to the features right of
 * here as {@link io.skerry.control.ingest.WindowsStored} and {@link
 * io.skerry.control.ingest.FeedbackStored}.
 *
 * <p>Start at {@link io.skerry.control.ingest.Ingest}. Features to the right may read these tables:
 *
 * <pre>
 * telemetry_window         device, boot_epoch, sequence (key), slot, model, version, manifest,
 *                          window_millis, window_index, told_millis, start_at, end_at, predictions,
 *                          predictions_failed, skipped, anomalous, samples_refused jsonb,
 *                          record (the wire window), received_at
 *                          (window_millis, window_index: the span that it is judged in; told_millis:
 *                          the length that the device told, null in rows from before there were spans)
 * telemetry_window_stream  the same key and stream, slot, model, version, window_index, counts bigint[],
 *                          fold (neighbouring bins that the device added up; 1 in rows of before)
 *                          (index: model, version, window_index, stream)
 * telemetry_feedback       device, boot_epoch, sequence (key), prediction_id, subject, slot, model,
 *                          version, actual, joined, score, predicted_class, confidence,
 *                          predicted_at, outcome_at
 *                          (score: of class 1 when there are two, null with more;
 *                          predicted_class, confidence: null where the output is the score;
 *                          slot, model, version, score, predicted_at are of use only where joined)
 * telemetry_event          device, boot_epoch, sequence (key), at, code, detail, attributes jsonb
 * </pre>
 *
 * A window index can come twice from one device, from two boot epochs: the counts add up. Samples
 * are partly in PostgreSQL and partly in the Parquet lake: read them through {@link
 * io.skerry.control.ingest.SampleStore}, which sees each once.
 *
 * <pre>
 * DATA/lake/samples/tenant=T/model=M/version=V/day=YYYY-MM-DD/*.parquet
 *   device, boot_epoch, sequence, prediction_id, client_id, slot VARCHAR/BIGINT; at_micros BIGINT
 *   (since 1970, UTC); input_name, input_type, input_shape ("1,14,30") VARCHAR; input, output BLOB
 *   (little-endian, row-major; the first tensor of each); score DOUBLE; inclusion_probability DOUBLE;
 *   stratum VARCHAR; record BLOB (the whole wire sample, when it has more tensors than these two)
 * </pre>
 *
 * A file counts only if table {@code lake_file} names it.
 */
@NullMarked
package io.skerry.control.ingest;

import org.jspecify.annotations.NullMarked;
