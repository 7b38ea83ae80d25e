-- Nobody read the whole document, and it was most of what a report cost to store.
alter table device_report drop column document;
