/**
 * Devices: enrolment, labels, facts, what they shall run and what they say of themselves.
 *
 * <p>Features to the right order through {@link io.skerry.control.device.DesiredService} and listen
 * for {@link io.skerry.control.device.DeviceReported}, {@link
 * io.skerry.control.device.DeviceRemoved} and {@link io.skerry.control.device.DeviceCloned}; their
 * SQL may read these tables:
 *
 * <pre>
 * device              id, tenant, labels jsonb, facts jsonb, profile, enrolled_at, boot_epoch_floor,
 *                     described_at: when labels, profile or engines were last others; by a trigger
 * device_presence     device, online, boot_epoch, seen_at
 * device_report       device, boot_epoch, sequence, observed_term, observed_counter, agent_version,
 *                     dropped, system, runtime, instance, told_millis
 * device_change       id, device, at, what (agent, system, runtime, engines, accelerators), before,
 *                     after: by triggers
 * device_slot_report  device, slot, revision, phase, rollout, running_model, running_version,
 *                     running_manifest, error_code, error_detail, predictions, predictions_failed
 * desired             device, term, counter, issued_at, published_at
 * desired_slot        device, slot, revision, model, version, manifest, signature, rollout,
 *                     sampling_factor, ...
 * desired_outbox      device, term, counter, queued_at
 * </pre>
 */
@NullMarked
package io.skerry.control.device;

import org.jspecify.annotations.NullMarked;
