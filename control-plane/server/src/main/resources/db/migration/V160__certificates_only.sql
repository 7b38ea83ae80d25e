-- device: certificates are the only way in; a device without one is deleted and enrols again.

alter table device drop column secret_hash;
