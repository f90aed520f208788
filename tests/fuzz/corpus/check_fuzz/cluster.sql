DROP DATABASE shop;
ALTER SYSTEM SET work_mem = '1GB';
SET LOCAL work_mem = '64MB';
