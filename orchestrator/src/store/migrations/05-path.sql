-- Where in the application the link of a preview leads.
ALTER TABLE previews ADD COLUMN path TEXT;
